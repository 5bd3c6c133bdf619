namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// One header condition: Envoy's <c>config.route.v3.HeaderMatcher</c>. Fields of the same name are compared as one value, joined with ','
/// ("; " for cookies). Pseudo-headers are <c>:method</c>, <c>:path</c>, <c>:authority</c> (also as <c>host</c>) and <c>:scheme</c>.
/// </summary>
public sealed record HeaderMatcher
{
    /// <summary>Header name in any letter case.</summary>
    public required string Name { get; init; }

    /// <summary>What the value must be. Presence by default.</summary>
    public HeaderMatch Match { get; init; } = new PresentHeader(true);

    /// <summary>True to turn the answer round. A header that is missing still fails every matcher but the presence one.</summary>
    public bool Invert { get; init; }

    /// <summary>True to match a missing header as an empty value. No effect on the presence matcher.</summary>
    public bool TreatMissingHeaderAsEmpty { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {(Invert ? "not " : "")}{Match}";
}

/// <summary>What a header value is compared with: <see cref="PresentHeader"/>, <see cref="HeaderString"/> or <see cref="HeaderRange"/>.</summary>
public abstract record HeaderMatch;

/// <summary>The header is there (true) or is not (false).</summary>
public sealed record PresentHeader(bool Present) : HeaderMatch
{
    /// <inheritdoc/>
    public override string ToString() => Present ? "present" : "absent";
}

/// <summary>The value satisfies a string matcher.</summary>
public sealed record HeaderString(StringMatcher Matcher) : HeaderMatch
{
    /// <inheritdoc/>
    public override string ToString() => Matcher.ToString();
}

/// <summary>The value is a decimal 64-bit integer in [<paramref name="Start"/>, <paramref name="End"/>).</summary>
public sealed record HeaderRange(long Start, long End) : HeaderMatch
{
    /// <inheritdoc/>
    public override string ToString() => $"in [{Start}, {End})";
}

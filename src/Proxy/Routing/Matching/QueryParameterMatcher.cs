namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// One query parameter condition: Envoy's <c>config.route.v3.QueryParameterMatcher</c>. Of several parameters with the name, the first counts.
/// A parameter without '=' has the empty value.
/// </summary>
public sealed record QueryParameterMatcher
{
    /// <summary>Parameter name, case-sensitive.</summary>
    public required string Name { get; init; }

    /// <summary>What the value must be; null to look at presence only.</summary>
    public StringMatcher? Value { get; init; }

    /// <summary>Without <see cref="Value"/>: whether the parameter must be there (the default) or must not.</summary>
    public bool Present { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Value?.ToString() ?? (Present ? "present" : "absent")}";
}

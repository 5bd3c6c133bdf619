namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>
/// Envoy's <c>type.matcher.v3.StringMatcher</c>. <paramref name="IgnoreCase"/> folds ASCII letters and has no effect on a regex.
/// </summary>
public sealed record StringMatcher(StringMatchKind Kind, string Value, bool IgnoreCase = false)
{
    /// <summary>The value is this.</summary>
    public static StringMatcher Exact(string value, bool ignoreCase = false) => new(StringMatchKind.Exact, value, ignoreCase);

    /// <summary>The value starts with this.</summary>
    public static StringMatcher Prefix(string value, bool ignoreCase = false) => new(StringMatchKind.Prefix, value, ignoreCase);

    /// <summary>The value ends with this.</summary>
    public static StringMatcher Suffix(string value, bool ignoreCase = false) => new(StringMatchKind.Suffix, value, ignoreCase);

    /// <summary>The value holds this.</summary>
    public static StringMatcher Contains(string value, bool ignoreCase = false) => new(StringMatchKind.Contains, value, ignoreCase);

    /// <summary>The whole value matches this regular expression.</summary>
    public static StringMatcher Regex(string pattern) => new(StringMatchKind.Regex, pattern);

    /// <inheritdoc/>
    public override string ToString() => $"{Kind.ToString().ToLowerInvariant()} '{Value}'{(IgnoreCase ? " (any case)" : "")}";
}

/// <summary>How a <see cref="StringMatcher"/> compares.</summary>
public enum StringMatchKind
{
    Exact,
    Prefix,
    Suffix,
    Contains,
    Regex,
}

using System.Text.RegularExpressions;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>How <see cref="ServiceNameMatch"/> compares: Envoy's <c>type.matcher.v3.StringMatcher</c>.</summary>
public enum ServiceNameMatchKind
{
    Exact,
    Prefix,
    Suffix,
    Contains,

    /// <summary>The whole name matches <see cref="ServiceNameMatch.Regex"/>, whose source is the value.</summary>
    Regex,
}

/// <summary>Whether a checked endpoint is of the right service: Envoy's <c>service_name_matcher</c>. <paramref name="IgnoreCase"/> has no effect on a regex.</summary>
public sealed record ServiceNameMatch(ServiceNameMatchKind Kind, string Value, bool IgnoreCase = false)
{
    /// <summary>Compiled to match the whole name; null for the other kinds.</summary>
    public Regex? Regex { get; init; }

    /// <summary>True where the service is the right one.</summary>
    public bool IsMatch(string service)
    {
        var comparison = IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return Kind switch
        {
            ServiceNameMatchKind.Exact => service.Equals(Value, comparison),
            ServiceNameMatchKind.Prefix => service.StartsWith(Value, comparison),
            ServiceNameMatchKind.Suffix => service.EndsWith(Value, comparison),
            ServiceNameMatchKind.Contains => service.Contains(Value, comparison),
            _ => Regex?.IsMatch(service) == true,
        };
    }

    /// <inheritdoc/>
    public bool Equals(ServiceNameMatch? other) => other is not null && Kind == other.Kind && Value == other.Value && IgnoreCase == other.IgnoreCase;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Value, IgnoreCase);
}

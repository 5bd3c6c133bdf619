using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Paths;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>Conditions of a route, all of which must hold: Envoy's <c>config.route.v3.RouteMatch</c>.</summary>
public sealed record RouteMatch
{
    /// <summary>How the path, without query, is matched.</summary>
    public required PathSpecifier Path { get; init; }

    /// <summary>True (the default) to compare prefixes and exact paths byte for byte; a regex ignores this.</summary>
    public bool CaseSensitive { get; init; } = true;

    /// <summary>Header conditions; a method is matched as <c>:method</c>.</summary>
    public ImmutableArray<HeaderMatcher> Headers { get; init; } = [];

    /// <summary>Query parameter conditions; names and values are compared as they stand in the target, not decoded.</summary>
    public ImmutableArray<QueryParameterMatcher> QueryParameters { get; init; } = [];

    /// <summary>What the client's certificate must be; null for anything.</summary>
    public ClientCertificateMatch? ClientCertificate { get; init; }

    /// <summary>Share of requests that may match; null for all.</summary>
    public RuntimeFraction? RuntimeFraction { get; init; }
}

/// <summary>A condition on the client's certificate: Envoy's <c>RouteMatch.TlsContextMatchOptions</c>. Without TLS there is none.</summary>
/// <param name="Presented">Whether there must be one; null for either.</param>
/// <param name="Validated">Whether it must have been found good; null for either. That of a resumed session counts as not validated, as in Envoy.</param>
public sealed record ClientCertificateMatch(bool? Presented, bool? Validated);

/// <summary>
/// How a route matches the path: <see cref="PrefixPath"/>, <see cref="ExactPath"/>, <see cref="RegexPath"/>, <see cref="TemplatePath"/> or
/// <see cref="SeparatedPrefixPath"/>;
/// or that it takes requests that have none: <see cref="ConnectPath"/>.
/// </summary>
public abstract record PathSpecifier;

/// <summary>The path starts with this; "" and "/" match every path.</summary>
public sealed record PrefixPath(string Prefix) : PathSpecifier;

/// <summary>The path is this.</summary>
public sealed record ExactPath(string Path) : PathSpecifier;

/// <summary>The whole path matches this regular expression.</summary>
public sealed record RegexPath(string Pattern) : PathSpecifier;

/// <summary>The whole path matches this template of <c>envoy.path.match.uri_template</c>: see <see cref="PathTemplate"/>.</summary>
public sealed record TemplatePath(string Template) : PathSpecifier;

/// <summary>The method is CONNECT, which no other specifier matches: Envoy's <c>connect_matcher</c>.</summary>
public sealed record ConnectPath : PathSpecifier;

/// <summary>The path is this, or starts with this and a '/'. Must not end in '/'.</summary>
public sealed record SeparatedPrefixPath(string Prefix) : PathSpecifier;

/// <summary>
/// A share of requests: those whose random number modulo <paramref name="Denominator"/> is below <paramref name="Numerator"/>. Envoy's
/// <c>RuntimeFractionalPercent</c>: the runtime may say otherwise.
/// </summary>
/// <param name="Numerator">Zero for never.</param>
/// <param name="Denominator">100, 10,000 or 1,000,000.</param>
/// <param name="Key">Key of the runtime whose value goes before these; empty for none.</param>
public sealed record RuntimeFraction(uint Numerator, uint Denominator = 100, string Key = "")
{
    /// <summary>The share in force.</summary>
    /// <param name="values">The runtime.</param>
    public RuntimeShare ShareIn(RuntimeValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.ShareOf(Key, new RuntimeShare(Numerator, Denominator));
    }

    /// <summary>Whether a request is among them.</summary>
    /// <param name="values">The runtime.</param>
    /// <param name="random">A number drawn for the request.</param>
    public bool Includes(RuntimeValues values, ulong random)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.IsEnabled(Key, new RuntimeShare(Numerator, Denominator), random);
    }
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Actions;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>What of a request its hash is made of, for the balancers that choose an endpoint by it: Envoy's <c>RouteAction.HashPolicy</c>.</summary>
public abstract record HashPolicy
{
    /// <summary>True to leave out the policies behind this one once there is a hash.</summary>
    public bool IsTerminal { get; init; }
}

/// <summary>A request header; several fields of that name count in any order.</summary>
/// <param name="HeaderName">Its name.</param>
/// <param name="Rewrite">Changes the value before it is hashed; null for none.</param>
public sealed record HeaderHashPolicy(string HeaderName, RegexSubstitution? Rewrite) : HashPolicy;

/// <summary>A cookie.</summary>
/// <param name="Name">Its name.</param>
public sealed record CookieHashPolicy(string Name) : HashPolicy
{
    /// <summary>
    /// Lifetime of the cookie that a client without one is given, in whole seconds; zero for one that ends with the browser's session, null to
    /// give none.
    /// </summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>Path of the cookie that is given; empty for none.</summary>
    public string Path { get; init; } = "";

    /// <summary>Further attributes of the cookie that is given.</summary>
    public ImmutableArray<CookieAttribute> Attributes { get; init; } = [];
}

/// <summary>An attribute of a cookie.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value; empty for one that has none.</param>
public sealed record CookieAttribute(string Name, string Value);

/// <summary>The client's address, without port.</summary>
public sealed record SourceIpHashPolicy : HashPolicy;

/// <summary>A parameter of the query, as it stands there; of several, the first.</summary>
/// <param name="Name">Its name.</param>
public sealed record QueryParameterHashPolicy(string Name) : HashPolicy;

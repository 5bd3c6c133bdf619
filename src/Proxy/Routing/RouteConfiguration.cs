using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// What <see cref="RouteTable.TryCompile"/> takes: Envoy's <c>config.route.v3.RouteConfiguration</c> as immutable records,
/// without protobuf types. Field names, defaults and meanings are Envoy's unless a member says otherwise.
/// </summary>
public sealed record RouteConfiguration
{
    /// <summary>Name of the resource; empty for an inline configuration without a name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The virtual hosts; a domain may appear once over all of them.</summary>
    public ImmutableArray<VirtualHost> VirtualHosts { get; init; } = [];

    /// <summary>Changes of request headers for every route of this configuration.</summary>
    public HeaderRules RequestHeaders { get; init; } = HeaderRules.None;

    /// <summary>What it says of HTTP filters for all routes.</summary>
    public ImmutableArray<RouteFilterConfig> FilterConfigs { get; init; } = [];

    /// <summary>Changes of response headers for every route of this configuration.</summary>
    public HeaderRules ResponseHeaders { get; init; } = HeaderRules.None;

    /// <summary>
    /// Order of header changes. False (the default): route, virtual host, route configuration, so that the widest level wins.
    /// True: the other way round, the route wins.
    /// </summary>
    public bool MostSpecificHeaderMutationsWins { get; init; }

    /// <summary>True to compare domains with the authority's host alone. False (the default): the port is part of the name.</summary>
    public bool IgnorePortInHostMatching { get; init; }

    /// <summary>True to match paths without what follows the first ';'. The forwarded path keeps it.</summary>
    public bool IgnorePathParametersInPathMatching { get; init; }

    /// <summary>Headers, in any letter case, that requests of external clients are relieved of before anybody looks at them.</summary>
    public ImmutableArray<string> InternalOnlyHeaders { get; init; } = [];

    /// <summary>Where copies of requests go, for routes without policies of their own or of their virtual host.</summary>
    public ImmutableArray<RequestMirrorPolicy> MirrorPolicies { get; init; } = [];

    /// <summary>Largest body of a direct response, in bytes; 4,096 by default.</summary>
    public int MaxDirectResponseBodySize { get; init; } = 4096;
}

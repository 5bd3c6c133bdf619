using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>One route: what it matches and what is done then. Envoy's <c>config.route.v3.Route</c>.</summary>
public sealed record Route
{
    /// <summary>Name for logs and explanations; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>Name under which its requests are counted by themselves; empty for not.</summary>
    public string StatPrefix { get; init; } = "";

    /// <summary>What a request must look like.</summary>
    public required RouteMatch Match { get; init; }

    /// <summary>What is done with it.</summary>
    public required RouteAction Action { get; init; }

    /// <summary>Changes of request headers.</summary>
    public HeaderRules RequestHeaders { get; init; } = HeaderRules.None;

    /// <summary>Changes of response headers.</summary>
    public HeaderRules ResponseHeaders { get; init; } = HeaderRules.None;

    /// <summary>
    /// Most bytes of a request's body that are kept for another attempt, in bytes: <c>request_body_buffer_limit</c>; null for the virtual host's.
    /// </summary>
    public int? RequestBodyBufferLimit { get; init; }

    /// <summary>What it says of HTTP filters.</summary>
    public ImmutableArray<RouteFilterConfig> FilterConfigs { get; init; } = [];
}

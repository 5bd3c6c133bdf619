using System.Collections.Immutable;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>A set of domains and the ordered routes behind them: Envoy's <c>config.route.v3.VirtualHost</c>.</summary>
public sealed record VirtualHost
{
    /// <summary>Name used in statistics, logs and explanations.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Domains in any letter case: exact (<c>foo.com</c>), suffix wildcard (<c>*.foo.com</c>, <c>*-bar.foo.com</c>),
    /// prefix wildcard (<c>foo.*</c>) or <c>*</c>. A wildcard never stands for nothing.
    /// </summary>
    public required ImmutableArray<string> Domains { get; init; }

    /// <summary>Requests that are counted by themselves; the first that matches counts.</summary>
    public ImmutableArray<VirtualCluster> VirtualClusters { get; init; } = [];

    /// <summary>Routes; the first that matches is taken.</summary>
    public ImmutableArray<Route> Routes { get; init; } = [];

    /// <summary>Chooses which of <see cref="Routes"/> are tried; null for all of them.</summary>
    public RouteMatcher? Matcher { get; init; }

    /// <summary>Where each route stands in the configuration, such as <c>routes[0]</c>; empty where all stand in <c>routes</c>.</summary>
    public ImmutableArray<string> RoutePlaces { get; init; } = [];

    /// <summary>Changes of request headers for every route of this virtual host.</summary>
    public HeaderRules RequestHeaders { get; init; } = HeaderRules.None;

    /// <summary>Changes of response headers for every route of this virtual host.</summary>
    public HeaderRules ResponseHeaders { get; init; } = HeaderRules.None;

    /// <inheritdoc cref="Route.RequestBodyBufferLimit"/>
    public int? RequestBodyBufferLimit { get; init; }

    /// <summary>What it says of HTTP filters for its routes.</summary>
    public ImmutableArray<RouteFilterConfig> FilterConfigs { get; init; } = [];

    /// <summary>Which plain-text requests are redirected to https before any route is looked at.</summary>
    public TlsRequirement RequireTls { get; init; }

    /// <summary>Where copies of requests go, for routes that have no policies of their own; empty for what the route configuration says.</summary>
    public ImmutableArray<RequestMirrorPolicy> MirrorPolicies { get; init; } = [];

    /// <summary>Retry policy of routes that have none; null for none.</summary>
    public RetryPolicy? RetryPolicy { get; init; }

    /// <summary>What holds for routes that do not say whether they hedge (<see cref="ForwardAction.HedgesOnPerTryTimeout"/>); null for no.</summary>
    public bool? HedgesOnPerTryTimeout { get; init; }

    /// <summary>True to tell the upstream in <c>x-envoy-attempt-count</c> how often the request was sent.</summary>
    public bool IncludesAttemptCountInRequest { get; init; }

    /// <summary>True to tell the client so.</summary>
    public bool IncludesAttemptCountInResponse { get; init; }
}

/// <summary>Envoy's <c>VirtualHost.TlsRequirementType</c>.</summary>
public enum TlsRequirement
{
    /// <summary>Plain text is served.</summary>
    None = 0,

    /// <summary>Plain text is served to internal requests only (<c>x-envoy-internal: true</c>).</summary>
    ExternalOnly,

    /// <summary>Plain text is always redirected.</summary>
    All,
}

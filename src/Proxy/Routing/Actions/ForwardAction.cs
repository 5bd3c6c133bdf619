using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>Forwards to a cluster: Envoy's <c>RouteAction</c>.</summary>
public sealed record ForwardAction : RouteAction
{
    /// <summary>Where the request goes.</summary>
    public required ClusterSpecifier Cluster { get; init; }

    /// <summary>What endpoints must have where the cluster is divided into subsets; null for nothing. Weighted clusters have their own.</summary>
    public MetadataMatch? MetadataMatch { get; init; }

    /// <summary>Answer where the cluster does not exist: 503 (the default), 404 or 500.</summary>
    public int ClusterNotFoundResponseCode { get; init; } = 503;

    /// <summary>From the end of the request to the end of the response; 15 s by default, zero for none.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest time without a byte in either direction; zero for none, null for the connection manager's stream idle timeout.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Longest life of the stream; zero for none, null for the connection manager's.</summary>
    public TimeSpan? MaxStreamDuration { get; init; }

    /// <summary>How far the route goes by the time that a call of gRPC asks for; null not to look at it.</summary>
    public GrpcTimeoutPolicy? GrpcTimeout { get; init; }

    /// <summary>Replaces what the route matched of the path (all of it for a regex); empty for none. Excludes <see cref="RegexRewrite"/>.</summary>
    public string PrefixRewrite { get; init; } = "";

    /// <summary>Rewrites the path without query; null for none.</summary>
    public RegexSubstitution? RegexRewrite { get; init; }

    /// <summary>
    /// The new path without query, of text and variables of the match's <see cref="TemplatePath"/>, as <c>envoy.path.rewrite.uri_template</c>; empty for none. Excludes the other rewrites.
    /// </summary>
    public string TemplateRewrite { get; init; } = "";

    /// <summary>New Host; null to keep the request's.</summary>
    public HostRewrite? HostRewrite { get; init; }

    /// <summary>True to add the original Host to <c>x-forwarded-host</c> when it is rewritten.</summary>
    public bool AppendXForwardedHost { get; init; }

    /// <summary>Retries; null for the virtual host's policy, if any.</summary>
    public RetryPolicy? RetryPolicy { get; init; }

    /// <summary>
    /// True to make another attempt beside one that takes longer than <see cref="RetryPolicy.PerTryTimeout"/>, instead of ending it: Envoy's <c>hedge_policy</c>;
    /// null for what the virtual host says.
    /// </summary>
    public bool? HedgesOnPerTryTimeout { get; init; }

    /// <summary>Upgrades that this route serves or refuses whatever its connection manager says.</summary>
    public ImmutableArray<UpgradeConfig> Upgrades { get; init; } = [];

    /// <summary>Which redirects of upstreams are followed here; null to pass all of them on.</summary>
    public InternalRedirectPolicy? InternalRedirects { get; init; }

    /// <summary>Where copies of requests go; empty for what the virtual host says.</summary>
    public ImmutableArray<RequestMirrorPolicy> MirrorPolicies { get; init; } = [];

    /// <summary>What the request's hash is made of, for clusters that choose endpoints by it, in this order; empty for no hash.</summary>
    public ImmutableArray<HashPolicy> HashPolicies { get; init; } = [];

    /// <summary>Which circuit breaker thresholds count this route's requests.</summary>
    public RoutingPriority Priority { get; init; }
}

/// <summary>Envoy's <c>config.core.v3.RoutingPriority</c>.</summary>
public enum RoutingPriority
{
    Default = 0,
    High = 1,
}

/// <summary>Which cluster a request goes to: <see cref="SingleCluster"/>, <see cref="WeightedClusters"/> or <see cref="ClusterFromHeader"/>.</summary>
public abstract record ClusterSpecifier;

/// <summary>Always this cluster.</summary>
public sealed record SingleCluster(string Name) : ClusterSpecifier;

/// <summary>The cluster that a request header names; the request fails as for a missing cluster where the header is missing.</summary>
public sealed record ClusterFromHeader(string HeaderName) : ClusterSpecifier;

/// <summary>A random choice by weight; the sum of weights is 1 to 4,294,967,295.</summary>
public sealed record WeightedClusters(ImmutableArray<WeightedCluster> Clusters) : ClusterSpecifier
{
    /// <summary>Request header whose value, a whole number, stands for the random one, so that several proxies choose alike; empty for none.</summary>
    public string HeaderName { get; init; } = "";

    /// <summary>What the keys of weights in the runtime begin with: <c>PREFIX.CLUSTER</c> goes before the weight of a cluster. Empty for none.</summary>
    public string RuntimeKeyPrefix { get; init; } = "";
}

/// <summary>One choice of <see cref="WeightedClusters"/>. Exactly one of <see cref="Name"/> and <see cref="ClusterHeader"/> is not empty.</summary>
public sealed record WeightedCluster
{
    /// <summary>Cluster name; empty where <see cref="ClusterHeader"/> is set.</summary>
    public string Name { get; init; } = "";

    /// <summary>Request header that names the cluster; empty where <see cref="Name"/> is set.</summary>
    public string ClusterHeader { get; init; } = "";

    /// <summary>Share of requests, out of the sum of all weights.</summary>
    public required uint Weight { get; init; }

    /// <summary>What endpoints must have, that of the route included; null for nothing.</summary>
    public MetadataMatch? MetadataMatch { get; init; }

    /// <summary>New Host for this choice; empty for none. A host rewrite of the route goes over it.</summary>
    public string HostRewriteLiteral { get; init; } = "";

    /// <summary>Changes of request headers, before those of the route.</summary>
    public HeaderRules RequestHeaders { get; init; } = HeaderRules.None;

    /// <summary>Changes of response headers, before those of the route.</summary>
    public HeaderRules ResponseHeaders { get; init; } = HeaderRules.None;

    /// <summary>What this choice says of HTTP filters.</summary>
    public ImmutableArray<RouteFilterConfig> FilterConfigs { get; init; } = [];
}

/// <summary>How Host is rewritten.</summary>
public abstract record HostRewrite;

/// <summary>Host becomes this.</summary>
public sealed record HostRewriteLiteral(string Host) : HostRewrite;

/// <summary>Host becomes the value of this request header, where it is there and not empty.</summary>
public sealed record HostRewriteHeader(string HeaderName) : HostRewrite;

/// <summary>Host becomes the path without query after this substitution.</summary>
public sealed record HostRewritePathRegex(RegexSubstitution Substitution) : HostRewrite;

/// <summary>Host becomes the host name of the chosen endpoint, where it has one (<c>auto_host_rewrite</c>).</summary>
public sealed record AutoHostRewrite : HostRewrite;

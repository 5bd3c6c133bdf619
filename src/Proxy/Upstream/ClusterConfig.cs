using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>Envoy's <c>Cluster.LbPolicy</c>, as far as it is built.</summary>
public enum LoadBalancingPolicy
{
    /// <summary>Each endpoint in turn, by weight.</summary>
    RoundRobin,

    /// <summary>The less busy of two random endpoints.</summary>
    LeastRequest,

    /// <summary>A random endpoint, by weight.</summary>
    Random,
}

/// <summary>What a cluster is, without its endpoints. Equality decides whether connection pools survive an update.</summary>
public sealed record ClusterConfig
{
    /// <summary>Name, unique in a snapshot.</summary>
    public required string Name { get; init; }

    /// <summary>Name in statistics: <c>alt_stat_name</c>; empty for <see cref="Name"/>.</summary>
    public string AltStatName { get; init; } = "";

    /// <summary>How endpoints are chosen.</summary>
    public LoadBalancingPolicy LoadBalancing { get; init; }

    /// <summary>Number of endpoints that least request compares; 2 by default, at least 2.</summary>
    public int ChoiceCount { get; init; } = 2;

    /// <summary>Longest wait for a new connection; 5 s by default.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an unused connection is kept; 1 h by default, zero for ever.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Requests after which a connection is closed; 0 for no limit.</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>Limits for requests of the default priority.</summary>
    public CircuitBreakerThresholds DefaultThresholds { get; init; } = new();

    /// <summary>Limits for requests of the high priority.</summary>
    public CircuitBreakerThresholds HighThresholds { get; init; } = new();

    /// <summary>Name in statistics.</summary>
    public string StatName => AltStatName.Length > 0 ? AltStatName : Name;
}

/// <summary>What the endpoint discovery service said of an endpoint's health.</summary>
public enum EndpointHealth
{
    /// <summary>Nothing said; used like healthy.</summary>
    Unknown,
    Healthy,
    Unhealthy,
    Draining,
    Timeout,
    Degraded,
}

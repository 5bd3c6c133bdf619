using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>Envoy's <c>Cluster.LbPolicy</c>, as far as endpoints are chosen here.</summary>
public enum LoadBalancingPolicy
{
    /// <summary>Each endpoint in turn, by weight.</summary>
    RoundRobin,

    /// <summary>The less busy of two random endpoints.</summary>
    LeastRequest,

    /// <summary>A random endpoint, by weight.</summary>
    Random,

    /// <summary>The endpoint that follows the request's hash on a ring.</summary>
    RingHash,

    /// <summary>The endpoint at the request's hash in a Maglev table.</summary>
    Maglev,

    /// <summary>Of a few random endpoints the one that would answer soonest, by its latency and its requests under way. Not of Envoy.</summary>
    PeakEwma,
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

    /// <summary>Number of endpoints that least request and peak EWMA compare; 2 by default, at least 2.</summary>
    public int ChoiceCount { get; init; } = 2;

    /// <summary>What else says how endpoints are chosen.</summary>
    public LoadBalancerOptions Balancing { get; init; } = LoadBalancerOptions.Default;

    /// <summary>Longest wait for a new connection; 5 s by default.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long an unused connection is kept; 1 h by default, zero for ever.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a connection lives, from when it stands; zero (the default) for ever. Its last exchange goes on to its end.</summary>
    public TimeSpan MaxConnectionDuration { get; init; }

    /// <summary>How long a stream to an endpoint may live, from its connection to the end of its response; zero (the default) for ever.</summary>
    public TimeSpan MaxStreamDuration { get; init; }

    /// <summary>Requests after which a connection is closed; 0 for no limit.</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>Longest head of a response, in bytes; 80 KiB by default, as in Envoy for HTTP/1.</summary>
    public int MaxResponseHeadBytes { get; init; } = 80 * 1024;

    /// <summary>Most header fields of a response; 100 by default.</summary>
    public int MaxResponseFields { get; init; } = HeadParser.DefaultMaxFields;

    /// <summary>The version of HTTP that endpoints are spoken to in; HTTP/1.1 by default.</summary>
    public UpstreamProtocol Protocol { get; init; }

    /// <summary>True to carry the fields behind chunked bodies of HTTP/1.1, of requests and responses: <c>enable_trailers</c>. False (the default) to drop them.</summary>
    public bool EnablesTrailers { get; init; }

    /// <summary>Settings of connections that speak HTTP/2.</summary>
    public Http2Options Http2 { get; init; } = new();

    /// <summary>Limits for requests of the default priority.</summary>
    public CircuitBreakerThresholds DefaultThresholds { get; init; } = new();

    /// <summary>Limits for requests of the high priority.</summary>
    public CircuitBreakerThresholds HighThresholds { get; init; } = new();

    /// <summary>When endpoints are ejected for how their answers look; null for never.</summary>
    public OutlierDetectionConfig? OutlierDetection { get; init; }

    /// <summary>How endpoints are actively checked; null for not at all.</summary>
    public HealthCheckConfig? HealthCheck { get; init; }

    /// <summary>True to leave endpoints out of every count until their first check (<c>ignore_new_hosts_until_first_hc</c>).</summary>
    public bool IgnoresNewHostsUntilFirstCheck { get; init; }

    /// <summary>
    /// True where an endpoint that discovery no longer names stays while it passes its checks: with checks, for discovered endpoints and names, unless
    /// <c>ignore_health_on_host_removal</c> is set.
    /// </summary>
    public bool KeepsPassingHosts { get; init; }

    /// <summary>The health that an endpoint must have to be used because a session names it (<c>override_host_status</c>).</summary>
    public HealthStatuses OverrideHostStatus { get; init; } = HealthStatuses.Usable;

    /// <summary>What identifies how endpoints are spoken to, apart from what secrets hold: a hash of the transport sockets; empty for plain text.</summary>
    public string TransportSockets { get; init; } = "";

    /// <summary>True to ask for the request's host name as server name (<c>auto_sni</c>).</summary>
    public bool AutoSni { get; init; }

    /// <summary>True to demand that name of the certificate (<c>auto_san_validation</c>).</summary>
    public bool AutoSanValidation { get; init; }

    /// <summary>The header field that <see cref="AutoSni"/> goes by, in lower case; empty for the request's authority.</summary>
    public string OverrideAutoSniHeader { get; init; } = "";

    /// <summary>True where a connection by TLS is for requests of one host name only.</summary>
    public bool NamesConnections => AutoSni || AutoSanValidation;

    /// <summary>True where the choice of an endpoint depends on the request's hash.</summary>
    public bool UsesHash => LoadBalancing is LoadBalancingPolicy.RingHash or LoadBalancingPolicy.Maglev;

    /// <summary>Name in statistics.</summary>
    public string StatName => AltStatName.Length > 0 ? AltStatName : Name;
}

/// <summary>A set of <see cref="EndpointHealth"/>: Envoy's <c>HealthStatusSet</c>.</summary>
[Flags]
public enum HealthStatuses
{
    /// <summary>No status at all.</summary>
    None = 0,
    Unknown = 1 << EndpointHealth.Unknown,
    Healthy = 1 << EndpointHealth.Healthy,
    Unhealthy = 1 << EndpointHealth.Unhealthy,
    Draining = 1 << EndpointHealth.Draining,
    Timeout = 1 << EndpointHealth.Timeout,
    Degraded = 1 << EndpointHealth.Degraded,

    /// <summary>Envoy's default: what is not known to be out of use.</summary>
    Usable = Unknown | Healthy | Degraded,
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

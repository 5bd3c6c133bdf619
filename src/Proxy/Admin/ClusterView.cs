using System.Net;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>A cluster at one moment.</summary>
public sealed record ClusterView
{
    /// <summary>Of the configuration.</summary>
    public required string Name { get; init; }

    /// <summary>True where it came from the control plane.</summary>
    public bool AddedViaApi { get; init; }

    /// <summary>Name towards the endpoint discovery; null where it is not an EDS cluster or has none of its own.</summary>
    public string? EdsServiceName { get; init; }

    /// <summary>Limits of the default priority.</summary>
    public CircuitBreakerView DefaultPriority { get; init; } = new();

    /// <summary>Limits of the high priority.</summary>
    public CircuitBreakerView HighPriority { get; init; } = new();

    /// <summary>What outlier detection compares by; null where the cluster has none.</summary>
    public OutlierView? Outlier { get; init; }

    /// <summary>In configuration order.</summary>
    public IReadOnlyList<EndpointView> Endpoints { get; init; } = [];
}

/// <summary>Limits of a cluster for one priority; the defaults are Envoy's.</summary>
public sealed record CircuitBreakerView(long MaxConnections = 1024, long MaxPendingRequests = 1024, long MaxRequests = 1024, long MaxRetries = 3);

/// <summary>What outlier detection compared by in the last interval, in percent; -1 where too few endpoints had enough requests.</summary>
public sealed record OutlierView(double Average, double Threshold, double LocalOriginAverage, double LocalOriginThreshold);

/// <summary>An endpoint at one moment.</summary>
public sealed record EndpointView
{
    /// <summary>Address and port.</summary>
    public required EndPoint Address { get; init; }

    /// <summary>Where else it may be reached, in the order in which that is tried.</summary>
    public IReadOnlyList<EndPoint> AdditionalAddresses { get; init; } = [];

    /// <summary>DNS name; empty where there is none.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>Connections that are open.</summary>
    public long CxActive { get; init; }

    /// <summary>Connection attempts that failed.</summary>
    public long CxConnectFail { get; init; }

    /// <summary>Connection attempts.</summary>
    public long CxTotal { get; init; }

    /// <summary>Requests that run.</summary>
    public long RqActive { get; init; }

    /// <summary>Requests answered with 5xx or not at all.</summary>
    public long RqError { get; init; }

    /// <summary>Requests answered with anything but 5xx.</summary>
    public long RqSuccess { get; init; }

    /// <summary>Requests that timed out.</summary>
    public long RqTimeout { get; init; }

    /// <summary>Requests.</summary>
    public long RqTotal { get; init; }

    /// <summary>Why it is not used; none is healthy.</summary>
    public EndpointHealthFlags Health { get; init; }

    /// <summary>Load balancing weight, 1 or more.</summary>
    public long Weight { get; init; } = 1;

    /// <summary>Of the locality.</summary>
    public string Region { get; init; } = "";

    /// <summary>Of the locality.</summary>
    public string Zone { get; init; } = "";

    /// <summary>Of the locality.</summary>
    public string SubZone { get; init; } = "";

    /// <summary>True where its metadata calls it a canary.</summary>
    public bool IsCanary { get; init; }

    /// <summary>0 is the highest.</summary>
    public int Priority { get; init; }

    /// <summary>Percentage of successes in the last outlier interval; -1 where unknown.</summary>
    public double SuccessRate { get; init; } = -1;

    /// <summary>The same of connections and waits, where outlier detection tells them apart; -1 where unknown.</summary>
    public double LocalOriginSuccessRate { get; init; } = -1;
}

/// <summary>Envoy's health flags of a host.</summary>
[Flags]
public enum EndpointHealthFlags
{
    /// <summary>Healthy.</summary>
    None = 0,

    /// <summary>/failed_active_hc</summary>
    FailedActiveHealthCheck = 1,

    /// <summary>/failed_outlier_check</summary>
    FailedOutlierCheck = 2,

    /// <summary>/failed_eds_health</summary>
    FailedEdsHealth = 4,

    /// <summary>/degraded_active_hc</summary>
    DegradedActiveHealthCheck = 8,

    /// <summary>/degraded_eds_health</summary>
    DegradedEdsHealth = 16,

    /// <summary>/pending_dynamic_removal</summary>
    PendingDynamicRemoval = 32,

    /// <summary>/pending_active_hc</summary>
    PendingActiveHealthCheck = 64,

    /// <summary>/eds_status_draining</summary>
    EdsStatusDraining = 128,

    /// <summary>/excluded_via_immediate_hc_fail</summary>
    ExcludedViaImmediateHealthCheckFail = 256,

    /// <summary>/active_hc_timeout</summary>
    ActiveHealthCheckTimeout = 512,
}

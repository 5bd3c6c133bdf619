namespace KubeProxyNet.Proxy.Upstream;

/// <summary>What an endpoint is good for: Envoy's <c>Host::Health</c>.</summary>
internal enum Availability
{
    /// <summary>Used where nothing better is left.</summary>
    Unhealthy,

    /// <summary>Used as far as healthy ones cannot take the load.</summary>
    Degraded,

    /// <summary>Used.</summary>
    Healthy,
}

/// <summary>What was found of an endpoint's health while it ran, beside what discovery says. The names are Envoy's.</summary>
[Flags]
internal enum HostHealthFlags
{
    None = 0,

    /// <summary><c>FAILED_ACTIVE_HC</c>: the active health check failed.</summary>
    FailedActiveHealthCheck = 1,

    /// <summary><c>FAILED_OUTLIER_CHECK</c>: outlier detection ejected it.</summary>
    FailedOutlierCheck = 2,

    /// <summary><c>DEGRADED_ACTIVE_HC</c>: the active health check says that it is degraded.</summary>
    DegradedActiveHealthCheck = 4,

    /// <summary><c>PENDING_DYNAMIC_REMOVAL</c>: discovery no longer names it, and it stays while it passes its checks.</summary>
    PendingDynamicRemoval = 8,

    /// <summary><c>PENDING_ACTIVE_HC</c>: it counts for nothing until its first check.</summary>
    PendingActiveHealthCheck = 16,

    /// <summary><c>EXCLUDED_VIA_IMMEDIATE_HC_FAIL</c>: it asked to be left out, and counts for nothing until it passes its checks again.</summary>
    ExcludedViaImmediateHealthCheckFail = 32,

    /// <summary><c>ACTIVE_HC_TIMEOUT</c>: it failed, and the last check got no answer in time.</summary>
    ActiveHealthCheckTimeout = 64,
}

/// <summary>An endpoint's health as found at run time. Any thread may change it; it outlives snapshots with its endpoint.</summary>
internal sealed class HostHealth
{
    private int _flags;

    /// <summary>What was found.</summary>
    public HostHealthFlags Flags => (HostHealthFlags)Volatile.Read(ref _flags);

    /// <summary>Sets flags. The load balancer follows with <see cref="ClusterStore.Rebalance"/>. False where all were set before.</summary>
    public bool Set(HostHealthFlags flags) => (Interlocked.Or(ref _flags, (int)flags) & (int)flags) != (int)flags;

    /// <summary>Clears flags. The load balancer follows with <see cref="ClusterStore.Rebalance"/>. False where none was set before.</summary>
    public bool Clear(HostHealthFlags flags) => (Interlocked.And(ref _flags, ~(int)flags) & (int)flags) != 0;
}

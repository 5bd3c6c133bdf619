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

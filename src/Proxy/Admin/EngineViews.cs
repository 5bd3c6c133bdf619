using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>What the admin page shows of a running engine, read from the snapshot in force. Any thread may call.</summary>
public static class EngineViews
{
    private static readonly (HostHealthFlags Set, EndpointHealthFlags Shown)[] FoundFlags =
    [
        (HostHealthFlags.FailedActiveHealthCheck, EndpointHealthFlags.FailedActiveHealthCheck),
        (HostHealthFlags.FailedOutlierCheck, EndpointHealthFlags.FailedOutlierCheck),
        (HostHealthFlags.DegradedActiveHealthCheck, EndpointHealthFlags.DegradedActiveHealthCheck),
        (HostHealthFlags.PendingDynamicRemoval, EndpointHealthFlags.PendingDynamicRemoval),
        (HostHealthFlags.PendingActiveHealthCheck, EndpointHealthFlags.PendingActiveHealthCheck),
        (HostHealthFlags.ExcludedViaImmediateHealthCheckFail, EndpointHealthFlags.ExcludedViaImmediateHealthCheckFail),
        (HostHealthFlags.ActiveHealthCheckTimeout, EndpointHealthFlags.ActiveHealthCheckTimeout),
    ];

    /// <summary>The clusters, by name.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="isAddedViaApi">Whether the cluster of a name came from the control plane; null means that none did.</param>
    public static IReadOnlyList<ClusterView> ClustersOf(ProxyEngine engine, Func<string, bool>? isAddedViaApi = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return
        [
            .. engine.Snapshot.Clusters.Values.OrderBy(static cluster => cluster.Config.Name, StringComparer.Ordinal).Select(cluster => new ClusterView
            {
                Name = cluster.Config.Name,
                AddedViaApi = isAddedViaApi?.Invoke(cluster.Config.Name) ?? false,
                DefaultPriority = View(cluster.State.BreakerOf(isHigh: false).Thresholds),
                HighPriority = View(cluster.State.BreakerOf(isHigh: true).Thresholds),
                Outlier = View(cluster.State.Outlier),
                Endpoints = [.. cluster.Endpoints.Select(View)],
            }),
        ];
    }

    /// <summary>The open listeners with their bound addresses, by name.</summary>
    public static IReadOnlyList<ListenerView> ListenersOf(ProxyEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return
        [
            .. engine.OpenListeners.OrderBy(static listener => listener.Config.Name, StringComparer.Ordinal)
                .Select(static listener => new ListenerView(listener.Config.Name, listener.Address.ToEndPoint())),
        ];
    }

    private static EndpointView View(Endpoint endpoint)
    {
        var locality = endpoint.Config.Locality.Split('/');
        var total = endpoint.State.TotalRequests;
        var active = endpoint.State.ActiveRequests;
        var failed = endpoint.State.FailedRequests;
        return new EndpointView
        {
            Address = endpoint.Config.Address.ToEndPoint(),
            AdditionalAddresses = [.. endpoint.Config.AdditionalAddresses.Select(static address => address.ToEndPoint())],
            Hostname = endpoint.Config.Hostname,
            CxActive = endpoint.State.ActiveConnections,
            RqActive = active,
            RqError = failed,

            // The three are read at slightly different moments.
            RqSuccess = Math.Max(0, total - active - failed),
            RqTotal = total,
            Health = Flags(endpoint.Config.Health) | Flags(endpoint.State.Health.Flags),
            Weight = endpoint.Config.Weight,
            Region = locality[0],
            Zone = locality.ElementAtOrDefault(1) ?? "",
            SubZone = locality.ElementAtOrDefault(2) ?? "",
            Priority = endpoint.Config.Priority,
            IsCanary = endpoint.Config.Metadata?.IsCanary == true,
            SuccessRate = endpoint.State.Outlier?.External.Shown ?? -1,
            LocalOriginSuccessRate = endpoint.State.Outlier?.LocalOrigin.Shown ?? -1,
        };
    }

    private static OutlierView? View(OutlierDetector? detector) => detector is null
        ? null
        : new OutlierView(detector.External.Average, detector.External.EjectionThreshold, detector.LocalOrigin.Average, detector.LocalOrigin.EjectionThreshold);

    private static CircuitBreakerView View(CircuitBreakerThresholds thresholds) =>
        new(thresholds.MaxConnections, thresholds.MaxPendingRequests, thresholds.MaxRequests, thresholds.MaxRetries);

    private static EndpointHealthFlags Flags(HostHealthFlags found)
    {
        var flags = EndpointHealthFlags.None;
        foreach (var (set, shown) in FoundFlags)
        {
            flags |= found.HasFlag(set) ? shown : EndpointHealthFlags.None;
        }

        return flags;
    }

    // Timeout counts as unhealthy (Envoy, config.core.v3.HealthStatus).
    private static EndpointHealthFlags Flags(EndpointHealth health) => health switch
    {
        EndpointHealth.Unhealthy or EndpointHealth.Timeout => EndpointHealthFlags.FailedEdsHealth,
        EndpointHealth.Draining => EndpointHealthFlags.EdsStatusDraining,
        EndpointHealth.Degraded => EndpointHealthFlags.DegradedEdsHealth,
        _ => EndpointHealthFlags.None,
    };
}

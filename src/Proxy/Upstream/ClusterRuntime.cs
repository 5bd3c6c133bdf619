using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// The runtime as clusters see it. Its values are applied to clusters when they change, so that nobody looks a key up at the rate of requests. Belongs to
/// the thread that applies configuration.
/// </summary>
internal sealed class ClusterRuntime
{
    private static readonly string[] Prefixes =
    [
        CircuitBreakerRuntime.Prefix, OutlierDetectionRuntime.Prefix, HealthCheckSchedule.RuntimePrefix, LoadBalancerRuntime.PanicThreshold, LoadBalancerRuntime.Zones,
        MaintenanceMode.Prefix,
    ];

    /// <summary>The values in force.</summary>
    public RuntimeValues Values { get; private set; } = RuntimeValues.Empty;

    /// <summary>True where it says anything of clusters.</summary>
    public bool HasAny { get; private set; }

    /// <summary>Takes other values. True where clusters have to be told: they say something now, or did before.</summary>
    public bool TryChange(RuntimeValues values)
    {
        var had = HasAny;
        Values = values;
        HasAny = values.HasAny(Prefixes);
        return had || HasAny;
    }
}

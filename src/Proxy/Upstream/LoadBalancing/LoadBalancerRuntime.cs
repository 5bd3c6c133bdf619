using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>What the runtime says of balancing, in all clusters. Source: Envoy documentation, "Cluster manager: runtime".</summary>
internal static class LoadBalancerRuntime
{
    /// <summary>Key of the panic threshold.</summary>
    public const string PanicThreshold = "upstream.healthy_panic_threshold";

    /// <summary>What the keys of zone-aware routing begin with.</summary>
    public const string Zones = "upstream.zone_routing.";

    /// <summary>The options in force.</summary>
    public static LoadBalancerOptions Apply(LoadBalancerOptions configured, RuntimeValues runtime)
    {
        var zones = configured.ZoneAware;
        return configured with
        {
            HealthyPanicThreshold = Percent(PanicThreshold, configured.HealthyPanicThreshold),
            ZoneAware = zones with
            {
                RoutingEnabled = Percent(Zones + "enabled", zones.RoutingEnabled),
                MinClusterSize = runtime.IntegerOf(Zones + "min_cluster_size", zones.MinClusterSize),
            },
        };

        int Percent(string key, int otherwise) => (int)Math.Min(runtime.IntegerOf(key, (ulong)otherwise), 100);
    }
}

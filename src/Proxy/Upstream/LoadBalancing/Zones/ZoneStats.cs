using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

/// <summary>The statistics of zone-aware routing (Envoy documentation, "Load balancer statistics"). Clusters have them where the proxy knows its own cluster.</summary>
internal sealed class ZoneStats(StatRegistry registry, string cluster)
{
    private readonly Counter _recalculated = registry.Counter($"cluster.{cluster}.lb_recalculate_zone_structures");
    private readonly Counter _tooSmall = registry.Counter($"cluster.{cluster}.lb_zone_cluster_too_small");

    /// <summary>Times that the proxy's own cluster could not be gone by.</summary>
    public Counter LocalClusterNotOk { get; } = registry.Counter($"cluster.{cluster}.lb_local_cluster_not_ok");

    /// <summary>Requests that stayed since all of them can.</summary>
    public Counter AllDirectly { get; } = registry.Counter($"cluster.{cluster}.lb_zone_routing_all_directly");

    /// <summary>Requests that stayed since some of them can.</summary>
    public Counter Sampled { get; } = registry.Counter($"cluster.{cluster}.lb_zone_routing_sampled");

    /// <summary>Requests that went to another zone.</summary>
    public Counter CrossZone { get; } = registry.Counter($"cluster.{cluster}.lb_zone_routing_cross_zone");

    /// <summary>Requests that went to a random zone, since rounding left no capacity to any.</summary>
    public Counter NoCapacityLeft { get; } = registry.Counter($"cluster.{cluster}.lb_zone_no_capacity_left");

    /// <summary>Zones are compared anew. Off the workers.</summary>
    public void CountRecalculation() => registry.Shared.Increment(_recalculated);

    /// <summary>There are too few endpoints to compare zones.</summary>
    public void CountTooSmall() => registry.Shared.Increment(_tooSmall);

    /// <summary>This proxy's zone is not in its own cluster.</summary>
    public void CountLocalClusterNotOk() => registry.Shared.Increment(LocalClusterNotOk);
}

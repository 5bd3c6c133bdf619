using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>The statistics of a cluster's subsets (Envoy documentation, "Load balancer subset statistics"). Only clusters with subsets have them.</summary>
internal sealed class SubsetStats(StatRegistry registry, string cluster)
{
    private readonly Gauge _active = registry.Gauge($"cluster.{cluster}.lb_subsets_active");
    private readonly Counter _created = registry.Counter($"cluster.{cluster}.lb_subsets_created");
    private readonly Counter _removed = registry.Counter($"cluster.{cluster}.lb_subsets_removed");
    private readonly Gauge _duplicates = registry.Gauge($"cluster.{cluster}.lb_subsets_single_host_per_subset_duplicate");
    private int _count;

    /// <summary>Requests that found their subset.</summary>
    public Counter Selected { get; } = registry.Counter($"cluster.{cluster}.lb_subsets_selected");

    /// <summary>Requests that the cluster's fallback took.</summary>
    public Counter Fallback { get; } = registry.Counter($"cluster.{cluster}.lb_subsets_fallback");

    /// <summary>Requests that any endpoint took since the fallback had none.</summary>
    public Counter FallbackPanic { get; } = registry.Counter($"cluster.{cluster}.lb_subsets_fallback_panic");

    /// <summary>For a cluster with subsets; null for others.</summary>
    public static SubsetStats? Of(ClusterConfig config, StatRegistry registry) => config.Balancing.Subsets is null ? null : new SubsetStats(registry, config.StatName);

    /// <summary>Notes subsets that came and went. For the thread that builds them.</summary>
    public void Count(int created, int removed, int duplicates)
    {
        _count += created - removed;
        registry.Shared.Add(_created, created);
        registry.Shared.Add(_removed, removed);
        registry.Shared.Set(_active, _count);
        registry.Shared.Set(_duplicates, duplicates);
    }

    /// <summary>The cluster is gone.</summary>
    public void End() => Count(0, _count, 0);
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Counts changes of the configuration under Envoy's names (Envoy documentation, "Cluster manager" and "Listener manager" statistics).</summary>
internal sealed class ConfigurationStats(StatRegistry registry)
{
    public Counter ClusterAdded { get; } = registry.Counter("cluster_manager.cluster_added");

    public Counter ClusterModified { get; } = registry.Counter("cluster_manager.cluster_modified");

    public Counter ClusterRemoved { get; } = registry.Counter("cluster_manager.cluster_removed");

    /// <summary>Updates of the endpoints of clusters in force.</summary>
    public Counter ClusterUpdated { get; } = registry.Counter("cluster_manager.cluster_updated");

    public Counter ListenerAdded { get; } = registry.Counter("listener_manager.listener_added");

    public Counter ListenerModified { get; } = registry.Counter("listener_manager.listener_modified");

    public Counter ListenerRemoved { get; } = registry.Counter("listener_manager.listener_removed");

    public Counter ListenerCreateFailure { get; } = registry.Counter("listener_manager.listener_create_failure");

    /// <summary>Counts endpoints that discovery delivered for a cluster.</summary>
    /// <param name="cluster">Its name in statistics.</param>
    public void CountDelivery(string cluster) => Count(registry.Counter($"cluster.{cluster}.update_success"));

    /// <summary>Counts a cluster whose endpoints did not come in time.</summary>
    /// <param name="cluster">Its name in statistics.</param>
    public void CountFetchTimeout(string cluster) => Count(registry.Counter($"cluster.{cluster}.init_fetch_timeout"));

    public void Count(Counter counter) => registry.Shared.Increment(counter);

    /// <summary>Shows numbers that are read at scrape time.</summary>
    public void Observe(Func<int> clusters, Func<int> warmingClusters, Func<int> listeners, Func<int> warmingListeners)
    {
        registry.Observe("cluster_manager.active_clusters", () => clusters());
        registry.Observe("cluster_manager.warming_clusters", () => warmingClusters());
        registry.Observe("listener_manager.total_listeners_active", () => listeners());
        registry.Observe("listener_manager.total_listeners_warming", () => warmingListeners());
    }
}

using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Counts the resolutions of a cluster's names under Envoy's names (Envoy documentation, "Cluster manager statistics").</summary>
/// <param name="registry">Where they stand.</param>
/// <param name="cluster">Name of the cluster in statistics.</param>
internal sealed class DnsUpdateStats(StatRegistry registry, string cluster)
{
    /// <summary>Resolutions begun.</summary>
    public Counter Attempt { get; } = registry.Counter($"cluster.{cluster}.update_attempt");

    /// <summary>Resolutions that gave an answer.</summary>
    public Counter Success { get; } = registry.Counter($"cluster.{cluster}.update_success");

    /// <summary>Resolutions that gave none.</summary>
    public Counter Failure { get; } = registry.Counter($"cluster.{cluster}.update_failure");

    /// <summary>Answers without an address.</summary>
    public Counter Empty { get; } = registry.Counter($"cluster.{cluster}.update_empty");

    /// <summary>Answers that changed nothing.</summary>
    public Counter NoRebuild { get; } = registry.Counter($"cluster.{cluster}.update_no_rebuild");

    public void Count(Counter counter) => registry.Shared.Increment(counter);
}

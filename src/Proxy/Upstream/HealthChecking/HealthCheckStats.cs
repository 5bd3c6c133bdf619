using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>What a cluster's checks count (Envoy documentation, "Health check statistics").</summary>
internal sealed class HealthCheckStats(StatRegistry registry, string cluster)
{
    public Counter Attempt { get; } = registry.Counter($"cluster.{cluster}.health_check.attempt");

    public Counter Success { get; } = registry.Counter($"cluster.{cluster}.health_check.success");

    public Counter Failure { get; } = registry.Counter($"cluster.{cluster}.health_check.failure");

    public Counter PassiveFailure { get; } = registry.Counter($"cluster.{cluster}.health_check.passive_failure");

    public Counter NetworkFailure { get; } = registry.Counter($"cluster.{cluster}.health_check.network_failure");

    public Counter VerifyCluster { get; } = registry.Counter($"cluster.{cluster}.health_check.verify_cluster");

    /// <summary>Checked endpoints that pass.</summary>
    public Gauge Healthy { get; } = registry.Gauge($"cluster.{cluster}.health_check.healthy");

    /// <summary>Checked endpoints that say that they are degraded.</summary>
    public Gauge Degraded { get; } = registry.Gauge($"cluster.{cluster}.health_check.degraded");
}

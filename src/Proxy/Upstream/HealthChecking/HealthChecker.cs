using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// Has the endpoints of clusters checked as configuration comes and goes: begins checks for those that join, ends them for those that leave, and lets go on what
/// stays. Belongs to the thread that applies configuration; the checks run on the workers.
/// </summary>
internal sealed class HealthChecker(StatRegistry registry, IReadOnlyList<Worker> workers, Action<string> rebalance)
{
    private const HostHealthFlags OfChecks = HostHealthFlags.FailedActiveHealthCheck | HostHealthFlags.DegradedActiveHealthCheck
        | HostHealthFlags.PendingActiveHealthCheck | HostHealthFlags.ExcludedViaImmediateHealthCheckFail | HostHealthFlags.ActiveHealthCheckTimeout;

    private readonly HealthChanges _changes = new(rebalance);
    private readonly FirstChecks _first = new();
    private int _nextRunner;

    /// <summary>Opens an event log; null where that fails.</summary>
    public Func<string, AccessLogFile?> OpenLog { get; init; } = static _ => null;

    /// <summary>Completes when every endpoint was checked once.</summary>
    public Task FirstChecks => _first.Ended;

    /// <summary>Readies a cluster that is new. Clusters take turns among the workers.</summary>
    public void Join(ClusterState cluster)
    {
        if (cluster.Config.HealthCheck is { } config)
        {
            var runner = workers[_nextRunner++ % workers.Count];
            AccessLogFile[] logs = [.. config.EventLogPaths.Select(OpenLog).OfType<AccessLogFile>()];
            cluster.HealthChecks = new ClusterHealthChecks(cluster, config, new HealthCheckStats(registry, cluster.Config.StatName), runner, workers, _changes, _first)
            {
                Events = logs.Length > 0 ? new HealthCheckEventLog(logs, runner, cluster.Config) : null,
            };
        }
    }

    /// <summary>
    /// Begins what is to be checked and is not yet. As in Envoy an endpoint that is new has failed until its first check. Where a whole cluster replaces another, which
    /// Envoy does after the first checks, its endpoints have the health that they had there.
    /// </summary>
    /// <param name="endpoints">All endpoints of a cluster, before its balancer is built.</param>
    /// <param name="predecessor">The cluster that it replaces; null for none.</param>
    public void Follow(ImmutableArray<Endpoint> endpoints, Cluster? predecessor)
    {
        var known = predecessor?.Endpoints.DistinctBy(static endpoint => endpoint.Config.Address).ToDictionary(static endpoint => endpoint.Config.Address, static endpoint => endpoint.State.Health.Flags);
        foreach (var endpoint in endpoints)
        {
            Follow(endpoint, known);
        }
    }

    /// <summary>Ends the checks of an endpoint that is gone.</summary>
    public static void Leave(EndpointState endpoint) => endpoint.HealthCheck?.Stop();

    private static void Follow(Endpoint endpoint, Dictionary<SocketEndpoint, HostHealthFlags>? known)
    {
        var state = endpoint.State;
        var config = endpoint.Config.HealthCheck;
        if (state.Cluster.HealthChecks is not { } cluster || config.IsDisabled)
        {
            state.HealthCheck?.Stop(forgets: OfChecks);
            state.HealthCheck = null;
            return;
        }

        var current = state.HealthCheck;
        if (current?.Config == config)
        {
            return;
        }

        var initial = HostHealthFlags.FailedActiveHealthCheck
            | (cluster.Cluster.Config.IgnoresNewHostsUntilFirstCheck ? HostHealthFlags.PendingActiveHealthCheck : HostHealthFlags.None);
        if (current is null)
        {
            initial = known is not null && known.TryGetValue(endpoint.Config.Address, out var had) ? had & OfChecks : initial;
            state.Health.Set(initial);
        }

        current?.Stop();
        state.HealthCheck = new EndpointHealthCheck(cluster, state, config, initial);
        state.HealthCheck.Start();
    }
}

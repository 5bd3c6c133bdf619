using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>What the checks of a cluster's endpoints share. All of them run on one worker.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="config">How its endpoints are checked.</param>
/// <param name="stats">What they count.</param>
/// <param name="runner">The worker that runs them.</param>
/// <param name="workers">All workers.</param>
/// <param name="changes">Told when health changes.</param>
/// <param name="first">Told of first checks.</param>
internal sealed class ClusterHealthChecks(
    ClusterState cluster, HealthCheckConfig config, HealthCheckStats stats, Worker runner, IReadOnlyList<Worker> workers, HealthChanges changes, FirstChecks first)
{
    private int _isChanging;

    public ClusterState Cluster => cluster;

    public HealthCheckConfig Config => config;

    public HealthCheckStats Stats => stats;

    public Worker Runner => runner;

    public IReadOnlyList<Worker> Workers => workers;

    public FirstChecks First => first;

    /// <summary>Where events are logged; null for nowhere.</summary>
    public HealthCheckEventLog? Events { get; init; }

    public HealthCheckSchedule Schedule { get; } = new(config, runner.Random.Next);

    /// <summary>The health of an endpoint changed so that it matters to the balancer.</summary>
    public void NoteChange() => changes.Note(this);

    /// <summary>False where a change waits already.</summary>
    public bool BeginChange() => Interlocked.Exchange(ref _isChanging, 1) == 0;

    /// <summary>What changes from here on is another change.</summary>
    public void EndChange() => Interlocked.Exchange(ref _isChanging, 0);
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// The checks of one endpoint, from when it joins a cluster until it leaves. Runs on the worker of the cluster's checks; others begin and end it, and tell it
/// of what ordinary responses say.
/// </summary>
internal sealed class EndpointHealthCheck
{
    private const HostHealthFlags ForBalancer =
        HostHealthFlags.FailedActiveHealthCheck | HostHealthFlags.DegradedActiveHealthCheck | HostHealthFlags.PendingActiveHealthCheck | HostHealthFlags.ExcludedViaImmediateHealthCheckFail;

    private readonly ClusterHealthChecks _cluster;
    private readonly EndpointState _endpoint;
    private readonly HostHealthFlags _initial;
    private readonly HealthTracker _tracker;
    private readonly Probe _probe;
    private readonly LoopDelay _pause;
    private bool _isRunning;
    private bool _wasLost;

    /// <summary>Checks that have not begun.</summary>
    /// <param name="cluster">What the checks of the cluster share.</param>
    /// <param name="endpoint">Whose health they find.</param>
    /// <param name="config">What is different about this endpoint.</param>
    /// <param name="initial">Flags that hold until the first check, beside those that the endpoint has.</param>
    public EndpointHealthCheck(ClusterHealthChecks cluster, EndpointState endpoint, EndpointHealthCheckConfig config, HostHealthFlags initial)
    {
        _cluster = cluster;
        _endpoint = endpoint;
        _initial = initial;
        Config = config;
        _tracker = new HealthTracker(endpoint.Health, cluster.Config.UnhealthyThreshold, cluster.Config.HealthyThreshold);
        _probe = Probe.Create(cluster, new ProbeTarget(endpoint, config), OnLost);
        _pause = new LoopDelay(cluster.Runner);
    }

    /// <summary>What is different about this endpoint.</summary>
    public EndpointHealthCheckConfig Config { get; }

    private Worker Worker => _cluster.Runner;

    private HostHealth Health => _endpoint.Health;

    /// <summary>Begins. For the configuration thread.</summary>
    public void Start()
    {
        _cluster.First.Begin();
        Worker.Post(() =>
        {
            _isRunning = true;
            if (Health.Set(_initial))
            {
                _cluster.NoteChange();
            }

            CountShares(HostHealthFlags.FailedActiveHealthCheck, Health.Flags);
            RunAsync().Detach();
        });
    }

    /// <summary>Ends, and closes what is open. For the configuration thread.</summary>
    /// <param name="forgets">Flags that end with it, of an endpoint that stays.</param>
    public void Stop(HostHealthFlags forgets = HostHealthFlags.None) => Worker.Post(() =>
    {
        _isRunning = false;
        CountShares(Health.Flags, HostHealthFlags.FailedActiveHealthCheck);
        if (_tracker.IsFirst)
        {
            _cluster.First.End();
        }

        _probe.Close();
        _pause.End();
        if (Health.Clear(forgets))
        {
            _cluster.NoteChange();
        }
    });

    /// <summary>An ordinary response asks to be left out at once (<c>x-envoy-immediate-health-check-fail</c>). For any worker.</summary>
    public void FailAtOnce()
    {
        // Before anything else: what is picked from here on knows. Said again and again by every response, it is acted on once.
        if (Health.Set(HostHealthFlags.ExcludedViaImmediateHealthCheckFail) || !Health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            Worker.Post(() =>
            {
                if (_isRunning)
                {
                    Take(new ProbeResult(false, Failure: HealthCheckFailure.Passive), HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
                }
            });
        }
    }

    private async LoopTask RunAsync()
    {
        if (_cluster.Schedule.FirstMs() is > 0 and var first)
        {
            await _pause.Start(first);
        }

        while (_isRunning)
        {
            _wasLost = false;
            Worker.Stats.Increment(_cluster.Stats.Attempt);
            var result = await _probe.CheckAsync();
            if (_isRunning)
            {
                await WaitAsync(result, Take(result));
            }
        }
    }

    /// <summary>Waits for the next check. A connection that is lost meanwhile is one more failure, and the wait begins anew.</summary>
    private async LoopTask WaitAsync(ProbeResult result, HealthTransition transition)
    {
        while (_isRunning)
        {
            if (_wasLost)
            {
                _wasLost = false;
                result = ProbeResult.Network;
                transition = Take(result);
            }

            await _pause.Start(_cluster.Schedule.NextMs(result.IsSuccess, transition, _cluster.Cluster.HasHadTraffic));
            if (!_wasLost)
            {
                return;
            }
        }
    }

    private void OnLost()
    {
        _wasLost = true;
        _pause.End();
    }

    /// <summary>Counts a result and lets it act.</summary>
    /// <param name="result">The result.</param>
    /// <param name="alreadySet">Flags that were set for it.</param>
    private HealthTransition Take(ProbeResult result, HostHealthFlags alreadySet = HostHealthFlags.None)
    {
        var wasFirst = _tracker.IsFirst;
        var before = Health.Flags & ~alreadySet;
        if (result.IsExclusion)
        {
            Health.Set(HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
        }

        var transition = result.IsSuccess ? _tracker.Succeed(result.IsDegraded) : _tracker.Fail(result.Failure, result.IsRetriable);
        if (result.IsSuccess)
        {
            _endpoint.Outlier?.NoteHealthy();
        }

        var after = Health.Flags;
        Count(result);
        _cluster.Events?.Log(_endpoint, result, wasFirst, before, after);
        CountShares(before, after);
        if (((before ^ after) & ForBalancer) != HostHealthFlags.None)
        {
            _cluster.NoteChange();
        }

        if (after.HasFlag(HostHealthFlags.FailedActiveHealthCheck) && !before.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            // As in Envoy: what is open may be part of the trouble, so whoever is sent there all the same gets something new.
            _endpoint.DrainConnections(_cluster.Workers);
        }

        if (wasFirst)
        {
            _cluster.First.End();
        }

        return transition;
    }

    private void Count(ProbeResult result)
    {
        var (stats, page) = (_cluster.Stats, Worker.Stats);
        page.Increment(result.IsSuccess ? stats.Success : stats.Failure);
        if (!result.IsSuccess && HealthTracker.IsOfNetwork(result.Failure))
        {
            page.Increment(stats.NetworkFailure);
        }
        else if (!result.IsSuccess && result.Failure == HealthCheckFailure.Passive)
        {
            page.Increment(stats.PassiveFailure);
        }
    }

    /// <summary>Moves this endpoint's share of the gauges from one set of flags to another.</summary>
    private void CountShares(HostHealthFlags before, HostHealthFlags after)
    {
        Add(_cluster.Stats.Healthy, Failed(before) - Failed(after));
        Add(_cluster.Stats.Degraded, Degraded(after) - Degraded(before));

        void Add(Observability.Stats.Gauge gauge, int delta)
        {
            if (delta != 0)
            {
                Worker.Stats.Add(gauge, delta);
            }
        }

        static int Failed(HostHealthFlags flags) => flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck) ? 1 : 0;

        static int Degraded(HostHealthFlags flags) => flags.HasFlag(HostHealthFlags.DegradedActiveHealthCheck) ? 1 : 0;
    }
}

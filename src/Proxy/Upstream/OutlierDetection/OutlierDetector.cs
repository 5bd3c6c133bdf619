using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.OutlierDetection;

/// <summary>What a detector needs of its surroundings.</summary>
/// <param name="Time">Clock and timer.</param>
/// <param name="Random">For enforcement and jitter; the detector's own.</param>
/// <param name="Run">Runs something soon on another thread than the caller's, which is a worker.</param>
/// <param name="HealthChanged">Told the name of a cluster whose endpoints were ejected or taken back, while no lock is held.</param>
/// <param name="Events">Takes events; null for none.</param>
internal sealed record OutlierSurroundings(TimeProvider Time, WorkerRandom Random, Action<Action> Run, Action<string> HealthChanged, OutlierEventLog? Events);

/// <summary>
/// Ejects the outliers among a cluster's endpoints and takes them back: Envoy's <c>Outlier::DetectorImpl</c>, one a cluster, over what all workers
/// report. Everything here runs off the workers, one at a time.
/// </summary>
internal sealed class OutlierDetector : IDisposable
{
    private readonly string _cluster;
    private readonly OutlierDetectionConfig _configured;
    private volatile OutlierDetectionConfig _config;
    private readonly OutlierStats _stats;
    private readonly OutlierSurroundings _surroundings;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private HostMonitor[] _hosts = [];
    private volatile SuccessRateThreshold _external = SuccessRateThreshold.Unknown;
    private volatile SuccessRateThreshold _localOrigin = SuccessRateThreshold.Unknown;
    private int _ejected;
    private bool _hasChanged;
    private bool _isDisposed;

    public OutlierDetector(string cluster, OutlierDetectionConfig config, OutlierStats stats, OutlierSurroundings surroundings)
    {
        _cluster = cluster;
        _configured = _config = config;
        _stats = stats;
        _surroundings = surroundings;
        _time = surroundings.Time;
        stats.Observe(() => Volatile.Read(ref _ejected));
        _timer = _time.CreateTimer(static detector => ((OutlierDetector)detector!).EndInterval(), this, config.Interval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The settings in force.</summary>
    public OutlierDetectionConfig Config => _config;

    /// <summary>What answers are compared by, from the last interval.</summary>
    public SuccessRateThreshold External => _external;

    /// <summary>What connections and waits are compared by, from the last interval.</summary>
    public SuccessRateThreshold LocalOrigin => _localOrigin;

    /// <summary>Watches an endpoint that is new; it counts from the next <see cref="SetHosts"/> on.</summary>
    public HostMonitor Watch(EndpointState endpoint) => new(this, endpoint, endpoint.Cluster.Workers);

    /// <summary>Other values of the runtime are in force; the interval under way ends as it began.</summary>
    public void Apply(RuntimeValues runtime) => _config = OutlierDetectionRuntime.Apply(_configured, runtime);

    /// <summary>The cluster's endpoints are these.</summary>
    public void SetHosts(IEnumerable<EndpointState> endpoints)
    {
        lock (_gate)
        {
            _hosts = [.. endpoints.Select(static endpoint => endpoint.Outlier!)];
            _ejected = _hosts.Count(IsEjected);
        }
    }

    /// <summary>A worker saw a run of failures reach its threshold.</summary>
    public void NoteRun(HostMonitor host, EjectionType type) => _surroundings.Run(() => Change(() => EndRun(host, type)));

    /// <summary>An active health check found the endpoint healthy: that ends its ejection, unless the configuration says otherwise.</summary>
    public void NoteHealthy(HostMonitor host)
    {
        if (_config.HealthCheckUnejects && IsEjected(host))
        {
            _surroundings.Run(() => Change(() => Return(host)));
        }
    }

    /// <summary>The cluster is gone.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer.Dispose();
        }

        _stats.StopObserving();
    }

    private static bool IsEjected(HostMonitor host) => host.Endpoint.Health.Flags.HasFlag(HostHealthFlags.FailedOutlierCheck);

    private void EndInterval() => Change(() =>
    {
        var now = _time.GetTimestamp();
        foreach (var host in _hosts)
        {
            if (IsEjected(host) && host.Ejections.IsOver(now, _time, _config))
            {
                Uneject(host);
            }

            host.EndInterval();
        }

        _external = JudgeRates(static host => host.External, EjectionType.SuccessRate, EjectionType.FailurePercentage);
        _localOrigin = JudgeRates(static host => host.LocalOrigin, EjectionType.SuccessRateLocalOrigin, EjectionType.FailurePercentageLocalOrigin);
        foreach (var host in _hosts)
        {
            if (!IsEjected(host))
            {
                host.Ejections.Shrink(now, _time, _config);
            }
        }

        _timer.Change(_config.Interval, Timeout.InfiniteTimeSpan);
    });

    /// <summary>Makes a change under the lock, and then has the load balancer follow where it ejected or took back anything.</summary>
    private void Change(Action change)
    {
        bool hasChanged;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            change();
            hasChanged = _hasChanged;
            _hasChanged = false;
        }

        if (hasChanged)
        {
            _surroundings.HealthChanged(_cluster);
        }
    }

    private void EndRun(HostMonitor host, EjectionType type)
    {
        // It may have left, or been ejected for another reason, before this came to its turn.
        if (_hosts.Contains(host) && !IsEjected(host))
        {
            _stats.Detected(type);
            Eject(host, type, SuccessRateThreshold.Unknown);
            host.EndRun(type);
        }
    }

    private void Return(HostMonitor host)
    {
        if (_hosts.Contains(host) && IsEjected(host) && !host.Endpoint.Health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck))
        {
            Uneject(host);
        }
    }

    private SuccessRateThreshold JudgeRates(Func<HostMonitor, SuccessRate> rateOf, EjectionType byRate, EjectionType byPercentage)
    {
        if (_hosts.Length < _config.SuccessRateMinimumHosts && _hosts.Length < _config.FailurePercentageMinimumHosts)
        {
            return SuccessRateThreshold.Unknown;
        }

        var compared = new List<HostMonitor>();
        var judged = new List<HostMonitor>();
        foreach (var host in _hosts)
        {
            var rate = rateOf(host);
            if (rate.Volume == 0 || IsEjected(host))
            {
                continue;
            }

            if (rate.Volume >= Math.Min(_config.SuccessRateRequestVolume, _config.FailurePercentageRequestVolume))
            {
                rate.Shown = rate.Percent;
            }

            if (rate.Volume >= _config.SuccessRateRequestVolume)
            {
                compared.Add(host);
            }

            if (rate.Volume >= _config.FailurePercentageRequestVolume)
            {
                judged.Add(host);
            }
        }

        var threshold = SuccessRateThreshold.Unknown;
        if (compared.Count > 0 && compared.Count >= _config.SuccessRateMinimumHosts)
        {
            threshold = SuccessRateThreshold.Of([.. compared.Select(host => rateOf(host).Percent)], _config.SuccessRateStdevFactor / 1000.0);
            EjectAll(compared.Where(host => rateOf(host).Percent < threshold.EjectionThreshold), byRate, threshold);
        }

        if (judged.Count > 0 && judged.Count >= _config.FailurePercentageMinimumHosts)
        {
            EjectAll(judged.Where(host => 100.0 - rateOf(host).Percent >= _config.FailurePercentageThreshold), byPercentage, threshold);
        }

        return threshold;
    }

    private void EjectAll(IEnumerable<HostMonitor> hosts, EjectionType type, SuccessRateThreshold threshold)
    {
        foreach (var host in hosts)
        {
            _stats.Detected(type);
            Eject(host, type, threshold);
        }
    }

    private void Eject(HostMonitor host, EjectionType type, SuccessRateThreshold threshold)
    {
        // By success rate and by failure percentage in one interval: once is enough.
        if (IsEjected(host))
        {
            return;
        }

        var share = 100.0 * (_ejected + 1) / _hosts.Length;
        if (share > _config.MaxEjectionPercent && !(_config.AlwaysEjectOneHost && _ejected == 0))
        {
            _stats.Overflow();
            return;
        }

        _stats.Ejectable(type);
        var isEnforced = _surroundings.Random.Next(100) < _config.EnforcingOf(type);
        var now = _time.GetTimestamp();
        if (isEnforced)
        {
            Volatile.Write(ref _ejected, _ejected + 1);
            _stats.Enforced(type);
            host.Endpoint.Health.Set(HostHealthFlags.FailedOutlierCheck);
            host.Ejections.Begin(now, NextJitter(), _config);
            _hasChanged = true;
        }

        _surroundings.Events?.Eject(new OutlierEvent(_cluster, host, SecondsSince(host.Ejections.LastUnejection, now)), type, isEnforced, threshold);
    }

    private void Uneject(HostMonitor host)
    {
        Volatile.Write(ref _ejected, _ejected - 1);
        host.Endpoint.Health.Clear(HostHealthFlags.FailedOutlierCheck);
        _hasChanged = true;

        // A run that was close to its threshold before would eject it again for a few new errors.
        host.EndRun(EjectionType.Consecutive5xx);
        host.EndRun(EjectionType.ConsecutiveGatewayFailure);
        host.EndRun(EjectionType.ConsecutiveLocalOriginFailure);
        var now = _time.GetTimestamp();
        host.Ejections.End(now);
        _surroundings.Events?.Uneject(new OutlierEvent(_cluster, host, SecondsSince(host.Ejections.LastEjection, now)));
    }

    private TimeSpan NextJitter()
    {
        var most = (ulong)_config.MaxEjectionTimeJitter.TotalMilliseconds;
        return TimeSpan.FromMilliseconds((long)(_surroundings.Random.Next() % (most + 1)));
    }

    private long? SecondsSince(long? then, long now) => then is { } start ? (long)_time.GetElapsedTime(start, now).TotalSeconds : null;
}

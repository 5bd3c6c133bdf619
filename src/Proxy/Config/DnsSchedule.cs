namespace KubeProxyNet.Proxy.Config;

/// <summary>When a name is resolved again. Belongs to whoever resolves it.</summary>
/// <param name="settings">What the cluster says.</param>
/// <param name="random">From 0 up to but not including 1.</param>
internal sealed class DnsSchedule(DnsSettings settings, Func<double> random)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private TimeSpan? _backOff;

    /// <summary>How old an answer may be that saves a query: another cluster of the same name has just asked then.</summary>
    public TimeSpan Freshness => settings.RespectTtl ? TimeSpan.MaxValue : settings.Refresh / 2;

    /// <summary>The wait after an answer.</summary>
    /// <param name="ttl">How long it may be believed; zero where it does not say.</param>
    public TimeSpan AfterAnswer(TimeSpan ttl)
    {
        _backOff = null;
        var wait = settings.RespectTtl && ttl > TimeSpan.Zero ? ttl : settings.Refresh;
        return wait + (random() * settings.Jitter);
    }

    /// <summary>The wait after a failure: a random part of an interval that doubles with each (Envoy's jittered exponential back-off).</summary>
    public TimeSpan AfterFailure()
    {
        if (settings.Failure is not { } failure)
        {
            return settings.Refresh;
        }

        var interval = _backOff ?? failure.Base;
        _backOff = interval * 2 < failure.Max ? interval * 2 : failure.Max;
        var wait = random() * interval;
        return wait > Shortest ? wait : Shortest;
    }
}

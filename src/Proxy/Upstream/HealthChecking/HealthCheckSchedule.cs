using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>How long to wait before the next check. Source: Envoy's <c>HealthCheckerImplBase::interval</c>.</summary>
/// <param name="config">The intervals.</param>
/// <param name="random">64 random bits.</param>
internal sealed class HealthCheckSchedule(HealthCheckConfig config, Func<ulong> random)
{
    /// <summary>What the runtime's keys begin with.</summary>
    public const string RuntimePrefix = "health_check.";

    private const int Percent = 100;

    /// <summary>A day: longer waits of the runtime are a mistake.</summary>
    private const long MaxIntervalMs = 24 * 60 * 60 * 1000;

    private volatile RuntimeValues _runtime = RuntimeValues.Empty;

    /// <summary>What bounds intervals without new configuration, and says how many answers are verified; looked at for each check.</summary>
    public RuntimeValues Runtime
    {
        get => _runtime;
        set => _runtime = value;
    }

    /// <summary>Whether the service that answered a check is to be looked at this time (<c>health_check.verify_cluster</c>).</summary>
    public bool Verifies() => _runtime.IsEnabled(RuntimePrefix + "verify_cluster", new RuntimeShare(Percent, Percent), random());

    /// <summary>Milliseconds before the first check; 0 for none.</summary>
    public long FirstMs() => Milliseconds(config.InitialJitter) is > 0 and var jitter ? Math.Max(1, RandomPart(jitter)) : 0;

    /// <summary>Milliseconds before the next check, at least 1.</summary>
    /// <param name="isSuccess">How the last one ended.</param>
    /// <param name="transition">What that did.</param>
    /// <param name="hasTraffic">Whether the cluster ever had traffic.</param>
    public long NextMs(bool isSuccess, HealthTransition transition, bool hasTraffic)
    {
        var wait = Milliseconds(Base(isSuccess, transition == HealthTransition.ChangePending, hasTraffic));
        wait += RandomPart((long)((Int128)wait * config.IntervalJitterPercent / 100)) + RandomPart(Milliseconds(config.IntervalJitter));
        var runtime = _runtime;
        wait = (long)Math.Min((ulong)wait, runtime.IntegerOf(RuntimePrefix + "max_interval", long.MaxValue));
        return Math.Max(1, Math.Max(wait, (long)Math.Min(runtime.IntegerOf(RuntimePrefix + "min_interval", 0), MaxIntervalMs)));
    }

    private TimeSpan Base(bool isSuccess, bool isPending, bool hasTraffic)
    {
        if (!hasTraffic)
        {
            return isSuccess && !isPending ? config.NoTrafficHealthyInterval ?? config.NoTrafficInterval : config.NoTrafficInterval;
        }

        if (isSuccess)
        {
            return isPending ? config.HealthyEdgeInterval ?? config.Interval : config.Interval;
        }

        var unhealthy = config.UnhealthyInterval ?? config.Interval;
        return isPending ? config.UnhealthyEdgeInterval ?? unhealthy : unhealthy;
    }

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;

    private long RandomPart(long below) => below > 0 ? (long)(random() % (ulong)below) : 0;
}

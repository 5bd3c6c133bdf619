namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>How long to wait before the next check. Source: Envoy's <c>HealthCheckerImplBase::interval</c>.</summary>
/// <param name="config">The intervals.</param>
/// <param name="random">64 random bits.</param>
internal sealed class HealthCheckSchedule(HealthCheckConfig config, Func<ulong> random)
{
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
        return Math.Max(1, wait);
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

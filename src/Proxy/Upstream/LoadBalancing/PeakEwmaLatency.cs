namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// How long an endpoint takes to answer, as one worker sees it: an average that jumps up to a slower answer at once and forgets it over the decay time
/// ("peak EWMA", Finagle). Requests under way count by their age, so that a slow endpoint shows before it has answered. Belongs to the worker.
/// </summary>
internal sealed class PeakEwmaLatency(TimeProvider time, TimeSpan decay)
{
    private const double TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    private readonly long _origin = time.GetTimestamp();
    private readonly double _decay = decay.Ticks / TicksPerMicrosecond;

    // Microseconds since the origin; whole numbers, so that a sum loses nothing.
    private long _startSum;
    private int _active;
    private double _average;
    private double _updated;
    private bool _isKnown;

    /// <summary>For an endpoint of a cluster that goes by it; null for others.</summary>
    public static PeakEwmaLatency? Of(ClusterState cluster) =>
        cluster.Config.LoadBalancing == LoadBalancingPolicy.PeakEwma ? new PeakEwmaLatency(cluster.Time, cluster.Config.Balancing.DecayTime) : null;

    /// <summary>An attempt begins.</summary>
    /// <returns>When, for <see cref="End"/>.</returns>
    public long Begin()
    {
        var now = Now();
        _active++;
        _startSum += now;
        return now;
    }

    /// <summary>An attempt is over, however it ended.</summary>
    /// <param name="start">What <see cref="Begin"/> gave.</param>
    public void End(long start)
    {
        var now = Now();
        _active--;
        _startSum -= start;
        double latency = now - start;
        var weight = Weight(now);
        var known = _average * weight;
        _average = latency >= known ? latency : known + (latency * (1 - weight));
        _updated = now;
        _isKnown = true;
    }

    /// <summary>What a further request would cost here, in microseconds of waiting.</summary>
    /// <param name="share">What a request under way counts: the mean weight of endpoints by that of this one.</param>
    public double Cost(double share)
    {
        var now = Now();
        var age = _active == 0 ? 0.0 : now - ((double)_startSum / _active);
        if (_isKnown)
        {
            return Math.Max(_average * Weight(now), age) * ((_active * share) + 1);
        }

        // One request finds out; until it is answered everybody else goes where latencies are known.
        return _active == 0 ? 0.0 : Math.Max(_decay, age) * ((_active * share) + 1);
    }

    private double Weight(long now) => now <= _updated ? 1.0 : Math.Exp((_updated - now) / _decay);

    private long Now() => (long)(time.GetElapsedTime(_origin).Ticks / TicksPerMicrosecond);
}

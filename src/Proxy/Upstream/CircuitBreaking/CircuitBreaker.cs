using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>The limits of a cluster for requests of one routing priority, and what is in use of them (Envoy documentation, "Circuit breaking").</summary>
internal sealed class CircuitBreaker
{
    private readonly RetryBudget? _budget;

    public CircuitBreaker(CircuitBreakerThresholds thresholds, int workers)
    {
        Thresholds = thresholds;
        Connections = new ResourceLimit(thresholds.MaxConnections, workers);
        Pending = new ResourceLimit(thresholds.MaxPendingRequests, workers);
        Requests = new ResourceLimit(thresholds.MaxRequests, workers);
        _budget = thresholds.RetryBudget;
        Retries = new ResourceLimit(_budget is null ? thresholds.MaxRetries : long.MaxValue, workers: 0);
    }

    public CircuitBreakerThresholds Thresholds { get; }

    public ResourceLimit Connections { get; }

    public ResourceLimit Pending { get; }

    public ResourceLimit Requests { get; }

    private ResourceLimit Retries { get; }

    /// <summary>Retries that may be under way now.</summary>
    private long MaxRetries => _budget is null
        ? Thresholds.MaxRetries
        : Math.Max(_budget.MinConcurrency, (long)(_budget.Percent / 100 * (Requests.InUse + Pending.InUse)));

    /// <summary>Takes the right to one retry. False where too many are under way.</summary>
    public bool TryTakeRetry()
    {
        // By a budget the bound moves; two workers that ask at once may then pass it by one.
        if (_budget is not null && Retries.InUse >= MaxRetries)
        {
            return false;
        }

        return Retries.TryTakeExactly();
    }

    public void ReturnRetry() => Retries.ReturnExactly();

    /// <summary>Reads the breaker for the cluster's statistics: 1 while a limit is reached, and what is left where that is asked for.</summary>
    public void Read(string prefix, GaugeReader read)
    {
        read(prefix + "cx_open", IsOpen(Connections), GaugeMerge.Max);
        read(prefix + "rq_pending_open", IsOpen(Pending), GaugeMerge.Max);
        read(prefix + "rq_open", IsOpen(Requests), GaugeMerge.Max);
        read(prefix + "rq_retry_open", Retries.InUse >= MaxRetries ? 1 : 0, GaugeMerge.Max);
        if (Thresholds.TrackRemaining)
        {
            read(prefix + "remaining_cx", Connections.Remaining, GaugeMerge.Sum);
            read(prefix + "remaining_pending", Pending.Remaining, GaugeMerge.Sum);
            read(prefix + "remaining_rq", Requests.Remaining, GaugeMerge.Sum);
            read(prefix + "remaining_retries", Math.Max(0, MaxRetries - Retries.InUse), GaugeMerge.Sum);
        }
    }

    private static long IsOpen(ResourceLimit limit) => limit.InUse >= limit.Max ? 1 : 0;
}

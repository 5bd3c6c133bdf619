using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>The limits of a cluster for requests of one routing priority, and what is in use of them (Envoy documentation, "Circuit breaking").</summary>
internal sealed class CircuitBreaker
{
    private volatile CircuitBreakerThresholds _thresholds;

    public CircuitBreaker(CircuitBreakerThresholds thresholds, int workers)
    {
        _thresholds = thresholds;
        Connections = new ResourceLimit(thresholds.MaxConnections, workers);
        Pending = new ResourceLimit(thresholds.MaxPendingRequests, workers);
        Requests = new ResourceLimit(thresholds.MaxRequests, workers);
        Retries = new ResourceLimit(RetryLimitOf(thresholds), workers: 0);
    }

    /// <summary>The limits in force.</summary>
    public CircuitBreakerThresholds Thresholds => _thresholds;

    public ResourceLimit Connections { get; }

    public ResourceLimit Pending { get; }

    public ResourceLimit Requests { get; }

    private ResourceLimit Retries { get; }

    /// <summary>Retries that may be under way now.</summary>
    private long MaxRetries => _thresholds is var thresholds && thresholds.RetryBudget is not { } budget
        ? thresholds.MaxRetries
        : Math.Max(budget.MinConcurrency, (long)(budget.Percent / 100 * (Requests.InUse + Pending.InUse)));

    /// <summary>Puts other limits into force. What is taken beyond them stays until it is given back.</summary>
    /// <returns>True where workers have to return their stocks.</returns>
    public bool Change(CircuitBreakerThresholds thresholds)
    {
        if (thresholds == _thresholds)
        {
            return false;
        }

        _thresholds = thresholds;
        Retries.Change(RetryLimitOf(thresholds));
        return Connections.Change(thresholds.MaxConnections) | Pending.Change(thresholds.MaxPendingRequests) | Requests.Change(thresholds.MaxRequests);
    }

    /// <summary>Gives a worker's stocks back. Called by that worker.</summary>
    public void ReturnStocks(int worker)
    {
        Connections.ReturnStock(worker);
        Pending.ReturnStock(worker);
        Requests.ReturnStock(worker);
    }

    /// <summary>Takes the right to one retry. False where too many are under way.</summary>
    public bool TryTakeRetry()
    {
        // By a budget the bound moves; two workers that ask at once may then pass it by one.
        if (_thresholds.RetryBudget is not null && Retries.InUse >= MaxRetries)
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

    /// <summary>A budget bounds them by itself.</summary>
    private static long RetryLimitOf(CircuitBreakerThresholds thresholds) => thresholds.RetryBudget is null ? thresholds.MaxRetries : long.MaxValue;

    private static long IsOpen(ResourceLimit limit) => limit.InUse >= limit.Max ? 1 : 0;
}

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

    /// <summary>Shows the breaker in the cluster's statistics: 1 while a limit is reached, and what is left where that is asked for.</summary>
    public void Observe(StatRegistry registry, string prefix)
    {
        registry.Observe(prefix + "cx_open", () => IsOpen(Connections));
        registry.Observe(prefix + "rq_pending_open", () => IsOpen(Pending));
        registry.Observe(prefix + "rq_open", () => IsOpen(Requests));
        registry.Observe(prefix + "rq_retry_open", () => Retries.InUse >= MaxRetries ? 1 : 0);
        if (Thresholds.TrackRemaining)
        {
            registry.Observe(prefix + "remaining_cx", () => Connections.Remaining);
            registry.Observe(prefix + "remaining_pending", () => Pending.Remaining);
            registry.Observe(prefix + "remaining_rq", () => Requests.Remaining);
            registry.Observe(prefix + "remaining_retries", () => Math.Max(0, MaxRetries - Retries.InUse));
        }
    }

    /// <summary>Takes the breaker out of the statistics.</summary>
    public static void StopObserving(StatRegistry registry, string prefix)
    {
        foreach (var name in (string[])["cx_open", "rq_pending_open", "rq_open", "rq_retry_open", "remaining_cx", "remaining_pending", "remaining_rq", "remaining_retries"])
        {
            registry.StopObserving(prefix + name);
        }
    }

    private static long IsOpen(ResourceLimit limit) => limit.InUse >= limit.Max ? 1 : 0;
}

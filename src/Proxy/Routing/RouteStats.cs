using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>What is counted of a route with a <c>stat_prefix</c>, or of a virtual cluster (Envoy documentation, "Router: statistics").</summary>
internal sealed class RouteStats(StatRegistry registry, string prefix)
{
    private readonly Counter[] _byClass = [.. Enumerable.Range(1, 5).Select(hundreds => registry.Counter($"{prefix}upstream_rq_{hundreds}xx"))];
    private readonly ResponseCodeCounters _codes = new(registry, prefix + "upstream_rq_");

    public Counter Total { get; } = registry.Counter(prefix + "upstream_rq_total");

    public Counter Timeout { get; } = registry.Counter(prefix + "upstream_rq_timeout");

    public Counter Retry { get; } = registry.Counter(prefix + "upstream_rq_retry");

    public Counter RetrySuccess { get; } = registry.Counter(prefix + "upstream_rq_retry_success");

    public Counter RetryLimitExceeded { get; } = registry.Counter(prefix + "upstream_rq_retry_limit_exceeded");

    public Counter RetryOverflow { get; } = registry.Counter(prefix + "upstream_rq_retry_overflow");

    public Histogram TimeMs { get; } = registry.Histogram(prefix + "upstream_rq_time");

    /// <summary>Counts a response by its class and its code.</summary>
    public void CountResponse(StatPage page, int status)
    {
        if (status is >= 100 and < 600)
        {
            page.Increment(_byClass[(status / 100) - 1]);
        }

        page.Increment(_codes.For(status));
    }
}

using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>What the runtime says of circuit breakers. Source: Envoy documentation, "Cluster manager: runtime".</summary>
internal static class CircuitBreakerRuntime
{
    /// <summary>What all keys begin with.</summary>
    public const string Prefix = "circuit_breakers.";

    /// <summary>The limits in force.</summary>
    /// <param name="configured">What the configuration says.</param>
    /// <param name="runtime">The runtime.</param>
    /// <param name="cluster">Name of the cluster.</param>
    /// <param name="priority"><c>default</c> or <c>high</c>.</param>
    public static CircuitBreakerThresholds Apply(CircuitBreakerThresholds configured, RuntimeValues runtime, string cluster, string priority)
    {
        var prefix = $"{Prefix}{cluster}.{priority}.";
        return configured with
        {
            MaxConnections = Limit(runtime, prefix + "max_connections", configured.MaxConnections),
            MaxPendingRequests = Limit(runtime, prefix + "max_pending_requests", configured.MaxPendingRequests),
            MaxRequests = Limit(runtime, prefix + "max_requests", configured.MaxRequests),
            MaxRetries = Limit(runtime, prefix + "max_retries", configured.MaxRetries),
            RetryBudget = Budget(runtime, prefix + "retry_budget.", configured.RetryBudget),
        };
    }

    /// <summary>As in Envoy either of the two values makes a budget where none is configured.</summary>
    private static RetryBudget? Budget(RuntimeValues runtime, string prefix, RetryBudget? configured)
    {
        var percent = runtime.NumberOf(prefix + "budget_percent");
        var least = runtime.NumberOf(prefix + "min_retry_concurrency");
        if (percent is null && least is null)
        {
            return configured;
        }

        configured ??= new RetryBudget();
        return new RetryBudget(Math.Clamp(percent ?? configured.Percent, 0, 100), (long)Math.Clamp(least ?? configured.MinConcurrency, 0, uint.MaxValue));
    }

    private static long Limit(RuntimeValues runtime, string key, long otherwise) => (long)Math.Min(runtime.IntegerOf(key, (ulong)otherwise), uint.MaxValue);
}

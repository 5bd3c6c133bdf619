using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using Proto = Envoy.Config.Cluster.V3.CircuitBreakers;
using RoutingPriority = Envoy.Config.Core.V3.RoutingPriority;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns circuit breakers into records.</summary>
internal static class CircuitBreakerTranslator
{
    private const double DefaultBudgetPercent = 20;
    private const long DefaultMinRetries = 3;

    /// <summary>The thresholds of a priority: the first entry for it, as in Envoy; Envoy's defaults where there is none.</summary>
    public static CircuitBreakerThresholds Translate(Proto? message, RoutingPriority priority)
    {
        var thresholds = message?.Thresholds.FirstOrDefault(thresholds => thresholds.Priority == priority);
        return thresholds is null ? new CircuitBreakerThresholds() : Translate(thresholds);
    }

    private static CircuitBreakerThresholds Translate(Proto.Types.Thresholds message)
    {
        var defaults = new CircuitBreakerThresholds();
        return new CircuitBreakerThresholds
        {
            MaxConnections = message.MaxConnections ?? defaults.MaxConnections,
            MaxPendingRequests = message.MaxPendingRequests ?? defaults.MaxPendingRequests,
            MaxRequests = message.MaxRequests ?? defaults.MaxRequests,
            MaxRetries = message.MaxRetries ?? defaults.MaxRetries,
            RetryBudget = message.RetryBudget is { } budget ? new RetryBudget(budget.BudgetPercent?.Value ?? DefaultBudgetPercent, budget.MinRetryConcurrency ?? DefaultMinRetries) : null,
            TrackRemaining = message.TrackRemaining,
        };
    }
}

using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Xds.Validation;
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
        var ofHosts = message?.PerHostThresholds.FirstOrDefault(thresholds => thresholds.Priority == priority);
        return (thresholds is null ? new CircuitBreakerThresholds() : Translate(thresholds)) with { MaxConnectionsPerHost = ofHosts?.MaxConnections };
    }

    /// <summary>Of single endpoints only connections are limited: Envoy refuses the rest too.</summary>
    public static void CheckPerHost(Proto? message, TranslationProblems problems, ConfigPath path)
    {
        for (var i = 0; i < (message?.PerHostThresholds.Count ?? 0); i++)
        {
            var place = path.Field("per_host_thresholds").Index(i);
            foreach (var name in NotOfHosts(message!.PerHostThresholds[i]))
            {
                problems.Add(place.Field(name), "is not a limit of single endpoints", "remove it, or write it in thresholds");
            }
        }
    }

    private static IEnumerable<string> NotOfHosts(Proto.Types.Thresholds message)
    {
        (string Name, bool IsSet)[] limits =
        [
            ("max_pending_requests", message.MaxPendingRequests is not null),
            ("max_requests", message.MaxRequests is not null),
            ("max_retries", message.MaxRetries is not null),
            ("retry_budget", message.RetryBudget is not null),
            ("track_remaining", message.TrackRemaining),
        ];
        return limits.Where(static limit => limit.IsSet).Select(static limit => limit.Name);
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

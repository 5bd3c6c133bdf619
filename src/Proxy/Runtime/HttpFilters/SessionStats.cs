using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>What became of requests that named the endpoint of their session: Envoy's counters of the stateful session filter.</summary>
/// <param name="registry">Where they are registered.</param>
/// <param name="prefix">What their names begin with.</param>
internal sealed class SessionStats(StatRegistry registry, string prefix)
{
    /// <summary>Answered by that endpoint.</summary>
    public Counter Routed { get; } = registry.Counter(prefix + "routed");

    /// <summary>Answered by another one.</summary>
    public Counter FailedOpen { get; } = registry.Counter(prefix + "failed_open");

    /// <summary>Answered by the proxy, since no other endpoint may stand in.</summary>
    public Counter FailedClosed { get; } = registry.Counter(prefix + "failed_closed");

    /// <summary>The counters of a filter; null where it has no <c>stat_prefix</c>.</summary>
    public static SessionStats? Of(StatefulSessionConfig filter, StatRegistry registry, string connectionManager) =>
        filter.StatPrefix.Length == 0 ? null : new SessionStats(registry, $"http.{connectionManager}.stateful_session.{filter.StatPrefix}.");
}

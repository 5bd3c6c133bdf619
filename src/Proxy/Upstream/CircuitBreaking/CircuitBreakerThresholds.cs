namespace KubeProxyNet.Proxy.Upstream.CircuitBreaking;

/// <summary>What a cluster may have open at once for requests of one routing priority: Envoy's <c>CircuitBreakers.Thresholds</c>, with its defaults.</summary>
public sealed record CircuitBreakerThresholds
{
    /// <summary>Connections; 1,024 by default. Each worker may have one to each endpoint all the same.</summary>
    public long MaxConnections { get; init; } = 1024;

    /// <summary>Requests that wait for a connection, one that is being opened included; 1,024 by default.</summary>
    public long MaxPendingRequests { get; init; } = 1024;

    /// <summary>Requests under way; 1,024 by default.</summary>
    public long MaxRequests { get; init; } = 1024;

    /// <summary>Retries under way; 3 by default. Not used where there is a <see cref="RetryBudget"/>.</summary>
    public long MaxRetries { get; init; } = 3;

    /// <summary>Bounds retries by the requests under way; null for none.</summary>
    public RetryBudget? RetryBudget { get; init; }

    /// <summary>Connections to any one endpoint; null, as by default, for no limit but <see cref="MaxConnections"/>.</summary>
    public long? MaxConnectionsPerHost { get; init; }

    /// <summary>True to show what is left of each limit in the <c>remaining_*</c> gauges.</summary>
    public bool TrackRemaining { get; init; }
}

/// <summary>Retries as a share of the requests under way: Envoy's <c>RetryBudget</c>.</summary>
/// <param name="Percent">Share of active and pending requests, 0 to 100; 20 by default.</param>
/// <param name="MinConcurrency">Retries that are always allowed; 3 by default.</param>
public sealed record RetryBudget(double Percent = 20, long MinConcurrency = 3);

namespace KubeProxyNet.Proxy.Explain;

/// <summary>A retry policy.</summary>
public sealed record ExplainedRetry
{
    /// <summary>Its conditions, by the names of <c>retry_on</c>.</summary>
    public required string On { get; init; }

    /// <summary>Retries after the first attempt.</summary>
    public int Retries { get; init; }

    /// <summary>Limit of one attempt in milliseconds; 0 for none.</summary>
    public long PerTryTimeoutMs { get; init; }

    /// <summary>Longest time of an attempt without a byte in milliseconds; 0 for none.</summary>
    public long PerTryIdleTimeoutMs { get; init; }

    /// <summary>Response headers any of which is reason for a retry.</summary>
    public IReadOnlyList<string> RetriableHeaders { get; init; } = [];

    /// <summary>Request headers any of which a request must have to be retried; empty where it need not.</summary>
    public IReadOnlyList<string> RetriableRequestHeaders { get; init; } = [];

    /// <summary>Which endpoints a retry avoids, in Envoy's words.</summary>
    public IReadOnlyList<string> HostPredicates { get; init; } = [];

    /// <summary>How often another endpoint is looked for because of <see cref="HostPredicates"/>.</summary>
    public int HostSelectionAttempts { get; init; }

    /// <summary>After how many attempts, each time, the priorities used so far are left out; 0 for never.</summary>
    public int PriorityUpdateFrequency { get; init; }

    /// <summary>True where another attempt is made beside one that takes longer than it may.</summary>
    public bool HedgesOnPerTryTimeout { get; init; }
}

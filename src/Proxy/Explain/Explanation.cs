namespace KubeProxyNet.Proxy.Explain;

/// <summary>Why a request goes where it goes.</summary>
public sealed record Explanation
{
    /// <summary>Why there is no explanation, and what to do; empty where there is one.</summary>
    public string Error { get; init; } = "";

    /// <summary>The listener that takes the request.</summary>
    public string Listener { get; init; } = "";

    /// <summary>Where it listens.</summary>
    public string Address { get; init; } = "";

    /// <summary>The filter chain that takes the connection, where there is a choice.</summary>
    public string FilterChain { get; init; } = "";

    /// <summary>The route configuration in force.</summary>
    public string RouteConfiguration { get; init; } = "";

    /// <summary>Method, authority and target as routes see them, after admission has brought them into one form.</summary>
    public string AsMatched { get; init; } = "";

    /// <summary>What happened, in order: virtual hosts and routes that lost and why, and those that won.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>The virtual host; empty where none covers the host.</summary>
    public string VirtualHost { get; init; } = "";

    /// <summary>The route; empty where none matches.</summary>
    public string Route { get; init; } = "";

    /// <summary>The proxy's own answer; null where the request is forwarded.</summary>
    public ExplainedAnswer? Answer { get; init; }

    /// <summary>Where it is forwarded to; null where the proxy answers.</summary>
    public ExplainedForward? Forward { get; init; }
}

/// <summary>An answer of the proxy's own.</summary>
/// <param name="Status">Status code.</param>
/// <param name="Details">Envoy's response code details.</param>
/// <param name="Location">Where a redirect leads; empty for none.</param>
public sealed record ExplainedAnswer(int Status, string Details, string Location);

/// <summary>What is done to forward the request.</summary>
public sealed record ExplainedForward
{
    /// <summary>The path and query that go upstream.</summary>
    public required string Target { get; init; }

    /// <summary>The Host that goes upstream.</summary>
    public required string Host { get; init; }

    /// <summary>The request headers that the route sets, as lines, for the first of <see cref="Clusters"/>.</summary>
    public IReadOnlyList<string> Headers { get; init; } = [];

    /// <summary>Limit of the whole request in milliseconds; 0 for none.</summary>
    public long TimeoutMs { get; init; }

    /// <summary>Longest life of the stream in milliseconds; 0 for any.</summary>
    public long MaxDurationMs { get; init; }

    /// <summary>What the upstream of a gRPC call is told in <c>grpc-timeout</c>, in milliseconds; negative where the header is taken out, null where it stays as it is.</summary>
    public long? GrpcTimeoutMs { get; init; }

    /// <summary>The retry policy in force; null for none.</summary>
    public ExplainedRetry? Retry { get; init; }

    /// <summary><c>default</c> or <c>high</c>: whose circuit breaker counts it.</summary>
    public required string Priority { get; init; }

    /// <summary>Statuses that are followed here instead of being passed on; empty for none.</summary>
    public IReadOnlyList<int> InternalRedirectCodes { get; init; } = [];

    /// <summary>Most redirects that are followed.</summary>
    public int MaxInternalRedirects { get; init; }

    /// <summary>Where copies of the request go.</summary>
    public IReadOnlyList<ExplainedMirror> Mirrors { get; init; } = [];

    /// <summary>Every cluster that may be chosen, with its share.</summary>
    public IReadOnlyList<ExplainedCluster> Clusters { get; init; } = [];
}

/// <summary>A cluster that gets copies.</summary>
/// <param name="Name">The cluster; empty where a header should name it and does not.</param>
/// <param name="Percent">Share of requests that are copied.</param>
/// <param name="Exists">False where there is no such cluster, so that nothing is copied.</param>
public sealed record ExplainedMirror(string Name, double Percent, bool Exists);

/// <summary>A cluster that the route may choose.</summary>
public sealed record ExplainedCluster
{
    public required string Name { get; init; }

    /// <summary>Share of requests in percent.</summary>
    public required double Percent { get; init; }

    /// <summary>False where there is no such cluster; the request is then answered with <see cref="NotFoundStatus"/>.</summary>
    public bool Exists { get; init; }

    /// <summary>Answer where it does not exist.</summary>
    public int NotFoundStatus { get; init; }

    /// <summary>How endpoints are chosen.</summary>
    public string Policy { get; init; } = "";

    /// <summary>How its endpoints are spoken to; null where it does not exist.</summary>
    public ExplainedConnections? Connections { get; init; }

    /// <summary>Share of requests, in percent, that are answered with 503 at once because the runtime says so.</summary>
    public double MaintenancePercent { get; init; }

    /// <summary>Requests under way and the most that may be.</summary>
    public long ActiveRequests { get; init; }

    /// <inheritdoc cref="ActiveRequests"/>
    public long MaxRequests { get; init; }

    public IReadOnlyList<ExplainedEndpoint> Endpoints { get; init; } = [];
}

/// <summary>An endpoint that may be chosen, or why not.</summary>
/// <param name="IsCandidate">True where a pick may give it now.</param>
public sealed record ExplainedEndpoint(string Address, bool IsCandidate, string Health, int Weight, int Priority, string Locality, long ActiveRequests);

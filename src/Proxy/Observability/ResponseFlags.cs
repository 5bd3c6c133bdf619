namespace KubeProxyNet.Proxy.Observability;

/// <summary>
/// What happened to a request besides its status code: Envoy's response flags, with the long names as members and in Envoy's order of
/// output (Envoy documentation, "Access logging", RESPONSE_FLAGS). <see cref="ResponseFlagNames"/> has the short names.
/// </summary>
[Flags]
public enum ResponseFlags : ulong
{
    /// <summary>Nothing of note.</summary>
    None = 0,

    /// <summary>LH: the local service failed its health check.</summary>
    FailedLocalHealthCheck = 1UL << 0,

    /// <summary>UH: no healthy endpoint in the upstream cluster; with 503.</summary>
    NoHealthyUpstream = 1UL << 1,

    /// <summary>UT: the upstream did not answer in time; with 504.</summary>
    UpstreamRequestTimeout = 1UL << 2,

    /// <summary>LR: we reset the upstream stream.</summary>
    LocalReset = 1UL << 3,

    /// <summary>UR: the upstream reset the stream.</summary>
    UpstreamRemoteReset = 1UL << 4,

    /// <summary>UF: the connection to the upstream failed; with 503.</summary>
    UpstreamConnectionFailure = 1UL << 5,

    /// <summary>UC: the upstream closed the connection; with 503 where no response had begun.</summary>
    UpstreamConnectionTermination = 1UL << 6,

    /// <summary>UO: a circuit breaker of the cluster is open; with 503.</summary>
    UpstreamOverflow = 1UL << 7,

    /// <summary>NR: no route matched; with 404.</summary>
    NoRouteFound = 1UL << 8,

    /// <summary>DI: a delay was injected.</summary>
    DelayInjected = 1UL << 9,

    /// <summary>FI: an abort was injected.</summary>
    FaultInjected = 1UL << 10,

    /// <summary>RL: rate limited; with 429.</summary>
    RateLimited = 1UL << 11,

    /// <summary>UAEX: denied by the external authorization service.</summary>
    UnauthorizedExternalService = 1UL << 12,

    /// <summary>RLSE: the rate limit service failed.</summary>
    RateLimitServiceError = 1UL << 13,

    /// <summary>DC: the client closed the connection.</summary>
    DownstreamConnectionTermination = 1UL << 14,

    /// <summary>URX: retries or TCP connection attempts ran out.</summary>
    UpstreamRetryLimitExceeded = 1UL << 15,

    /// <summary>SI: the stream was idle for too long; with 408 or 504.</summary>
    StreamIdleTimeout = 1UL << 16,

    /// <summary>IH: a strictly checked x-envoy-* request header had an invalid value; with 400.</summary>
    InvalidEnvoyRequestHeaders = 1UL << 17,

    /// <summary>DPE: the client broke the protocol.</summary>
    DownstreamProtocolError = 1UL << 18,

    /// <summary>UMSDR: the upstream stream reached its longest duration.</summary>
    UpstreamMaxStreamDurationReached = 1UL << 19,

    /// <summary>RFCF: answered by the cache filter.</summary>
    ResponseFromCacheFilter = 1UL << 20,

    /// <summary>NFCF: a filter's configuration has not arrived in time.</summary>
    NoFilterConfigFound = 1UL << 21,

    /// <summary>DT: the request or connection was over its longest duration.</summary>
    DurationTimeout = 1UL << 22,

    /// <summary>UPE: the upstream broke the protocol.</summary>
    UpstreamProtocolError = 1UL << 23,

    /// <summary>NC: the route's cluster does not exist; with 503.</summary>
    NoClusterFound = 1UL << 24,

    /// <summary>OM: ended by overload protection.</summary>
    OverloadManagerTerminated = 1UL << 25,

    /// <summary>DF: name resolution failed.</summary>
    DnsResolutionFailed = 1UL << 26,

    /// <summary>DO: dropped by the cluster's drop_overloads; with 503.</summary>
    DropOverload = 1UL << 27,

    /// <summary>DR: the client reset the stream.</summary>
    DownstreamRemoteReset = 1UL << 28,

    /// <summary>UDO: dropped because drop_overloads is 100 %; with 503.</summary>
    UnconditionalDropOverload = 1UL << 29,
}

using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>When and how often a request is sent again: Envoy's <c>config.route.v3.RetryPolicy</c>. Routing only carries it.</summary>
public sealed record RetryPolicy
{
    /// <summary>Conditions, any of which makes an attempt retriable.</summary>
    public RetryOn RetryOn { get; init; }

    /// <summary>Retries after the first attempt; 1 by default.</summary>
    public int NumRetries { get; init; } = 1;

    /// <summary>Limit of one attempt; null for the route timeout, zero for none.</summary>
    public TimeSpan? PerTryTimeout { get; init; }

    /// <summary>Longest time of an attempt without a byte; null or zero for none.</summary>
    public TimeSpan? PerTryIdleTimeout { get; init; }

    /// <summary>Status codes of <see cref="RetryOn.RetriableStatusCodes"/>.</summary>
    public ImmutableArray<int> RetriableStatusCodes { get; init; } = [];

    /// <summary>Base of the exponential back-off; 25 ms by default.</summary>
    public TimeSpan BackOffBase { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Ceiling of the back-off; null for ten times the base.</summary>
    public TimeSpan? BackOffMax { get; init; }
}

/// <summary>Envoy's <c>retry_on</c> values (x-envoy-retry-on and x-envoy-retry-grpc-on).</summary>
[Flags]
public enum RetryOn
{
    None = 0,
    ServerError = 1 << 0,
    GatewayError = 1 << 1,
    Reset = 1 << 2,
    ResetBeforeRequest = 1 << 3,
    ConnectFailure = 1 << 4,
    EnvoyRateLimited = 1 << 5,
    Retriable4xx = 1 << 6,
    RefusedStream = 1 << 7,
    RetriableStatusCodes = 1 << 8,
    RetriableHeaders = 1 << 9,
    Http3PostConnectFailure = 1 << 10,
    GrpcCancelled = 1 << 11,
    GrpcDeadlineExceeded = 1 << 12,
    GrpcInternal = 1 << 13,
    GrpcResourceExhausted = 1 << 14,
    GrpcUnavailable = 1 << 15,
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>When and how often a request is sent again: Envoy's <c>config.route.v3.RetryPolicy</c>. Routing only carries it.</summary>
public sealed record RetryPolicy
{
    /// <summary>No retries, but what a request's own headers ask for.</summary>
    public static RetryPolicy None { get; } = new();

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

    /// <summary>Base of the exponential back-off; null, as by default, for what the runtime says (<c>upstream.base_retry_backoff_ms</c>), or else 25 ms.</summary>
    public TimeSpan? BackOffBase { get; init; }

    /// <summary>Ceiling of the back-off; null for ten times the base.</summary>
    public TimeSpan? BackOffMax { get; init; }

    /// <summary>Back-off that an upstream asks for; null where it is not asked.</summary>
    public RateLimitedBackOff? RateLimited { get; init; }

    /// <summary>True to look for an endpoint that was not tried yet: <c>envoy.retry_host_predicates.previous_hosts</c>.</summary>
    public bool AvoidsPreviousHosts { get; init; }

    /// <summary>True to look for an endpoint that is no canary: <c>envoy.retry_host_predicates.omit_canary_hosts</c>.</summary>
    public bool OmitsCanaries { get; init; }

    /// <summary>Endpoints to avoid, each by labels all of which they have: <c>envoy.retry_host_predicates.omit_host_metadata</c>.</summary>
    public ImmutableArray<ImmutableArray<MetadataLabel>> OmittedHosts { get; init; } = [];

    /// <summary>
    /// After how many attempts, each time, the priorities used so far are left out: <c>envoy.retry_priorities.previous_priorities</c>; 0 for never.
    /// </summary>
    public int PriorityUpdateFrequency { get; init; }

    /// <summary>Headers that make a request retriable, any of which it must have; empty where it need not.</summary>
    public ImmutableArray<HeaderMatcher> RetriableRequestHeaders { get; init; } = [];

    /// <summary>Headers any of which make a response retriable under <see cref="RetryOn.RetriableHeaders"/>.</summary>
    public ImmutableArray<HeaderMatcher> RetriableHeaders { get; init; } = [];

    /// <summary>True where a retry may not go to every endpoint that is picked.</summary>
    public bool ChoosesHosts => AvoidsPreviousHosts || OmitsCanaries || !OmittedHosts.IsEmpty;

    /// <summary>How often an endpoint is chosen anew because the one chosen is to be avoided; 1 by default.</summary>
    public int HostSelectionAttempts { get; init; } = 1;
}

/// <summary>A wait that the upstream's answer asks for: Envoy's <c>RateLimitedRetryBackOff</c>.</summary>
/// <param name="ResetHeaders">Response headers that say how long, the first one that can be read counts.</param>
/// <param name="MaxInterval">What asks for more is not heeded; null for 300 s.</param>
public sealed record RateLimitedBackOff(ImmutableArray<ResetHeader> ResetHeaders, TimeSpan? MaxInterval);

/// <summary>A response header that says how long to wait.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsTimestamp">True where its value is a Unix time in seconds; otherwise it is a number of seconds from now.</param>
public sealed record ResetHeader(string Name, bool IsTimestamp)
{
    /// <summary>The name as it stands in heads.</summary>
    internal byte[] NameText { get; } = System.Text.Encoding.ASCII.GetBytes(Name.ToLowerInvariant());
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

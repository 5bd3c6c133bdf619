using System.Text;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>Envoy's names of retry conditions (documentation, "x-envoy-retry-on" and "x-envoy-retry-grpc-on").</summary>
internal static class RetryOnNames
{
    private static readonly (RetryOn Condition, string Name, byte[] Text)[] All =
    [
        Named(RetryOn.ServerError, "5xx"),
        Named(RetryOn.GatewayError, "gateway-error"),
        Named(RetryOn.Reset, "reset"),
        Named(RetryOn.ResetBeforeRequest, "reset-before-request"),
        Named(RetryOn.ConnectFailure, "connect-failure"),
        Named(RetryOn.EnvoyRateLimited, "envoy-ratelimited"),
        Named(RetryOn.Retriable4xx, "retriable-4xx"),
        Named(RetryOn.RefusedStream, "refused-stream"),
        Named(RetryOn.RetriableStatusCodes, "retriable-status-codes"),
        Named(RetryOn.RetriableHeaders, "retriable-headers"),
        Named(RetryOn.Http3PostConnectFailure, "http3-post-connect-failure"),
        Named(RetryOn.GrpcCancelled, "cancelled"),
        Named(RetryOn.GrpcDeadlineExceeded, "deadline-exceeded"),
        Named(RetryOn.GrpcInternal, "internal"),
        Named(RetryOn.GrpcResourceExhausted, "resource-exhausted"),
        Named(RetryOn.GrpcUnavailable, "unavailable"),
    ];

    /// <summary>The condition of a name; none where there is no such name.</summary>
    public static RetryOn Find(ReadOnlySpan<byte> name)
    {
        foreach (var (condition, _, text) in All)
        {
            if (name.SequenceEqual(text))
            {
                return condition;
            }
        }

        return RetryOn.None;
    }

    /// <summary>The names of conditions, separated by commas.</summary>
    public static string Of(RetryOn conditions) =>
        string.Join(',', All.Where(entry => (conditions & entry.Condition) != RetryOn.None).Select(static entry => entry.Name));

    private static (RetryOn Condition, string Name, byte[] Text) Named(RetryOn condition, string name) => (condition, name, Encoding.ASCII.GetBytes(name));
}

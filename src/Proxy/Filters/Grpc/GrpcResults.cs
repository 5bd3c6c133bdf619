using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime.Attempts;

namespace KubeProxyNet.Proxy.Filters.Grpc;

/// <summary>
/// What an endpoint's gRPC status says of the endpoint: whether its request failed, in the statistics of the endpoint. Source: Envoy's router. Outlier detection
/// goes by the head alone, as there (<see cref="OutlierReports"/>): by the time of the trailers it was told of the answer.
/// </summary>
internal static class GrpcResults
{
    /// <summary>Takes the status of a head or of trailers, where there is one and the request is a call.</summary>
    public static void Take(UpstreamAttempt attempt, MessageHead head)
    {
        if (attempt.Exchange.IsGrpc && GrpcStatusHeader.TryGet(head, out var code))
        {
            attempt.HasFailedByGrpc = GrpcCodes.ToHttp(code) >= 500;
        }
    }
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Tells outlier detection what became of attempts, as Envoy's router does. Where a cluster has none, each costs a field test.</summary>
internal static class OutlierReports
{
    /// <summary>The attempt has its connection.</summary>
    public static void Connected(UpstreamAttempt attempt) =>
        attempt.Endpoint!.State.Outlier?.Put(LocalOriginResult.ConnectSuccess, attempt.Exchange.Worker.Index);

    /// <summary>A TCP connection stands that is all there is of an answer: a CONNECT that ends here.</summary>
    public static void Established(UpstreamAttempt attempt) => attempt.Endpoint!.State.Outlier?.PutStatus(200, attempt.Exchange.Worker.Index);

    /// <summary>The attempt has its final head.</summary>
    public static void Answered(UpstreamAttempt attempt, ResponseHead head)
    {
        if (attempt.Endpoint!.State.Outlier is { } outlier)
        {
            outlier.PutStatus(StatusOf(attempt.Exchange, head), attempt.Exchange.Worker.Index);
        }
    }

    /// <summary>The attempt takes longer than it may, and goes on: it is not told again.</summary>
    public static void SoftlyTimedOut(UpstreamAttempt attempt)
    {
        attempt.IsTimeoutReported = true;
        attempt.Endpoint!.State.Outlier?.Put(LocalOriginResult.Timeout, attempt.Exchange.Worker.Index);
    }

    /// <summary>The attempt failed, before its response or in the middle of it.</summary>
    public static void Failed(UpstreamAttempt attempt, UpstreamFailure failure)
    {
        if (attempt.Endpoint!.State.Outlier is { } outlier && ResultOf(attempt, failure) is { } result)
        {
            outlier.Put(result, attempt.Exchange.Worker.Index);
        }
    }

    private static LocalOriginResult? ResultOf(UpstreamAttempt attempt, UpstreamFailure failure) => failure switch
    {
        UpstreamFailure.PerTryTimeout or UpstreamFailure.PerTryIdleTimeout => LocalOriginResult.Timeout,

        // The route's timeout is the endpoint's fault only where it had the request and did not begin to answer.
        UpstreamFailure.Aborted when attempt.Exchange.Abort == AbortReason.RouteTimeout =>
            attempt.StartMs != 0 && !attempt.Exchange.IsResponseStarted && !attempt.IsTimeoutReported ? LocalOriginResult.Timeout : null,
        UpstreamFailure.Aborted when attempt.Exchange.Abort == AbortReason.UpstreamGone => LocalOriginResult.ConnectFailed,

        // A limit of the whole cluster says nothing of this endpoint, nor does a client that leaves.
        UpstreamFailure.None or UpstreamFailure.Overflow or UpstreamFailure.StreamDuration or UpstreamFailure.Superseded or UpstreamFailure.Aborted => null,
        _ => LocalOriginResult.ConnectFailed,
    };

    /// <summary>The status; for gRPC, which fails with 200, the one that its own status stands for. As in Envoy that is looked for among the headers alone.</summary>
    private static int StatusOf(Exchange exchange, ResponseHead head) =>
        exchange.IsGrpc && GrpcStatusHeader.TryGet(head, out var code) ? GrpcCodes.ToHttp(code) : head.Status;
}

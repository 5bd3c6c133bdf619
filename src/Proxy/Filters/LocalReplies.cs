using System.Text;
using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>The answers that the proxy gives itself: codes, flags, details and bodies as Envoy's, so that dashboards and runbooks carry over.</summary>
internal static class LocalReplies
{
    private static readonly byte[] NoHealthyBody = Bytes("no healthy upstream");
    private static readonly byte[] RouteTimeoutBody = Bytes("upstream request timeout");
    private static readonly byte[] RequestTimeoutBody = Bytes("request timeout");
    private static readonly byte[] StreamTimeoutBody = Bytes("stream timeout");
    private static readonly byte[] StreamDurationBody = Bytes("upstream max stream duration reached");
    private static readonly byte[] DurationBody = Bytes("downstream duration timeout");
    private static readonly byte[] OverloadedBody = Bytes("overloaded");
    private static readonly byte[] TooLargeBody = Bytes("Payload Too Large");
    private static readonly byte[] BufferExceededBody = Bytes("buffer limit exceeded");
    private static readonly byte[] BadRequestBody = Bytes("Bad Request");

    public static void NoRoute(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.NoRoute);
        exchange.Flags |= ResponseFlags.NoRouteFound;
        Send(exchange, 404, "route_not_found", default);
    }

    public static void NoCluster(Exchange exchange, int status)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.NoCluster);
        exchange.Flags |= ResponseFlags.NoClusterFound;
        Send(exchange, status, "cluster_not_found", default);
    }

    public static void NoHealthyUpstream(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.Cluster!.State.Stats.NoneHealthy);
        exchange.Flags |= ResponseFlags.NoHealthyUpstream;
        Send(exchange, 503, "no_healthy_upstream", NoHealthyBody);
    }

    /// <summary>The proxy takes no more requests for now.</summary>
    public static void Overloaded(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsOverloadClose);
        exchange.Flags |= ResponseFlags.OverloadManagerTerminated;
        Send(exchange, 503, "overload", OverloadedBody);
    }

    /// <summary>An upgrade or CONNECT that the listener does not allow.</summary>
    public static void UpgradeNotAllowed(Exchange exchange) => Send(exchange, 403, "upgrade_failed", default);

    /// <summary>CONNECT with a body, which it cannot have (RFC 9110 §9.3.6): its bytes would go into the tunnel.</summary>
    public static void ConnectWithBody(Exchange exchange)
    {
        exchange.Flags |= ResponseFlags.DownstreamProtocolError;
        Send(exchange, 400, "http1.body_disallowed", BadRequestBody);
    }

    /// <summary>A request body that is longer than it may be.</summary>
    public static void RequestTooLarge(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsTooLarge);
        Send(exchange, 413, "request_payload_too_large", TooLargeBody);
    }

    /// <summary>A request that is longer than what may be held of it. Envoy's answer; its details are empty there.</summary>
    public static void RequestBufferExceeded(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsTooLarge);
        Send(exchange, 413, "request_payload_too_large", BufferExceededBody);
    }

    /// <summary>A response that is longer than what may be held of it. Envoy's answer; its details are empty there.</summary>
    public static void ResponseBufferExceeded(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.ResponsesTooLarge);
        Send(exchange, 500, "response_payload_too_large", BufferExceededBody);
    }

    /// <summary>HTTP/1.0 where it is not accepted.</summary>
    public static void VersionTooLow(Exchange exchange) => Send(exchange, 426, "low_version", default);

    /// <summary>HTTP/1.0 without Host, and no default for it.</summary>
    public static void MissingHost(Exchange exchange) => Send(exchange, 400, "missing_host_header", BadRequestBody);

    /// <summary>A target in absolute form that asks for https on a plain text connection.</summary>
    public static void SchemeNotAllowed(Exchange exchange) => Send(exchange, 400, "http1.invalid_scheme", BadRequestBody);

    /// <summary>The request came over a connection that was made for another name.</summary>
    public static void Misdirected(Exchange exchange) => Send(exchange, 421, "misdirected_request", default);

    /// <summary>A path that cannot be normalised, or must not be what it is.</summary>
    public static void PathRejected(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsFailedPathNormalization);
        Send(exchange, 400, "path_normalization_failed", default);
    }

    /// <summary>A path that the client is to ask for in its normal form, which the request has by now.</summary>
    public static void PathRedirected(Exchange exchange)
    {
        exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsRedirectedWithNormalizedPath);
        exchange.Details = DetailBytes("path_normalization_failed");
        byte[] location = [.. "location: "u8, .. exchange.Request.Target, .. "\r\n"u8];
        Pass(exchange, new LocalReply(307, default, location));
    }

    /// <summary>A request whose client cannot be told, where that is asked for.</summary>
    public static void ClientUnknown(Exchange exchange, int status) => Send(exchange, status, "rejecting_because_detection_failed", default);

    /// <summary>The exchange was aborted: the answer that its reason calls for, or a cut where an answer had begun.</summary>
    public static void Aborted(Exchange exchange)
    {
        switch (exchange.Abort)
        {
            case AbortReason.ClientGone:
                exchange.Worker.Stats.Increment(exchange.HttpStats.ConnectionsDestroyRemoteActive);
                exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsRxReset);
                exchange.Flags |= ResponseFlags.DownstreamConnectionTermination;
                exchange.Details = ClientGoneDetails;
                exchange.Downstream.CutResponse();
                break;
            case AbortReason.BadRequestBody:
                exchange.Flags |= ResponseFlags.DownstreamProtocolError;
                SendOrCut(exchange, 400, "http1.codec_error", BadRequestBody);
                break;
            case AbortReason.BadGrpcWebBody:
                GrpcWebFilter.Refuse(exchange);
                break;
            case AbortReason.SlowBody:
                exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsSlowClient);
                SendOrCut(exchange, 408, "request_body_too_slow", RequestTimeoutBody);
                break;
            case AbortReason.SlowReader:
                exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsSlowClient);
                exchange.Flags |= ResponseFlags.DownstreamConnectionTermination;
                SendOrCut(exchange, 408, "response_taken_too_slowly", RequestTimeoutBody);
                break;
            case AbortReason.Overload:
                exchange.Flags |= ResponseFlags.OverloadManagerTerminated;
                SendOrCut(exchange, 503, "overload", OverloadedBody);
                break;
            case AbortReason.RouteTimeout:
                exchange.Flags |= ResponseFlags.UpstreamRequestTimeout;
                SendOrCut(exchange, 504, "upstream_response_timeout", RouteTimeoutBody, code: GrpcCode.DeadlineExceeded);
                break;
            case AbortReason.RequestTimeout:
                SendOrCut(exchange, 408, "request_overall_timeout", RequestTimeoutBody);
                break;
            case AbortReason.StreamDuration:
                StreamDurationReached(exchange);
                break;
            case AbortReason.MaxDuration:
                exchange.Worker.Stats.Increment(exchange.HttpStats.RequestsMaxDuration);
                exchange.Flags |= ResponseFlags.DurationTimeout;
                SendOrCut(exchange, exchange.RequestEndMs == 0 ? 408 : 504, "max_duration_timeout", DurationBody, code: GrpcCode.DeadlineExceeded);
                break;
            default:
                exchange.Flags |= ResponseFlags.StreamIdleTimeout;
                SendOrCut(exchange, exchange.RequestEndMs == 0 ? 408 : 504, "stream_idle_timeout", StreamTimeoutBody);
                break;
        }
    }

    /// <summary>The exchange with the upstream took longer than its cluster allows.</summary>
    public static void StreamDurationReached(Exchange exchange)
    {
        exchange.Flags |= ResponseFlags.UpstreamMaxStreamDurationReached;
        SendOrCut(exchange, exchange.RequestEndMs == 0 ? 408 : 504, "upstream_max_stream_duration_reached", StreamDurationBody);
    }

    /// <summary>Answers with a status, details for the log, a plain text body and header lines; a call of gRPC with the status that is given, or that HTTP's stands for.</summary>
    public static void Send(Exchange exchange, int status, string details, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> lines = default, GrpcCode? code = null)
    {
        exchange.Details = DetailBytes(details);
        if (exchange.HasSessionHost)
        {
            exchange.CountSession(isAnswered: false);
        }

        Pass(exchange, new LocalReply(status, body, lines), code);
    }

    /// <summary>Gives the client's side an answer, as gRPC has it where the request is a call.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="reply">The answer.</param>
    /// <param name="code">Status of a call; null for what that of HTTP stands for.</param>
    public static void Pass(Exchange exchange, in LocalReply reply, GrpcCode? code = null)
    {
        if (exchange.Call?.Web is { } web)
        {
            exchange.Downstream.SendLocalReply(exchange, exchange.ToGrpcWeb(web, reply, isCalled: false));
            return;
        }

        var bridge = exchange.Call?.Bridge;
        if (!exchange.IsGrpc || bridge is { IsUpgraded: true })
        {
            exchange.Downstream.SendLocalReply(exchange, reply);
            return;
        }

        if (exchange.Call is { } call)
        {
            GrpcStatistics.TakeLocalReply(exchange, call, code ?? GrpcCodes.FromHttp(reply.Status));
        }

        // A client that sees no trailers is told by the status of HTTP as well.
        var answer = exchange.ToGrpc(reply, code);
        exchange.Downstream.SendLocalReply(exchange, bridge is null ? answer : answer with { Status = 503 });
    }

    private static readonly byte[] ClientGoneDetails = Bytes("downstream_remote_disconnect");

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, byte[]> DetailCache = new(StringComparer.Ordinal);

    /// <summary>Answers, or cuts the response where one has begun.</summary>
    public static void SendOrCut(Exchange exchange, int status, string details, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> lines = default, GrpcCode? code = null)
    {
        if (exchange.IsResponseStarted)
        {
            exchange.Details = DetailBytes(details);
            exchange.Downstream.CutResponse();
            return;
        }

        Send(exchange, status, details, body, lines, code);
    }

    // Details are literals of this file and names of an enum: the cache has a bound by construction.
    private static byte[] DetailBytes(string details) => DetailCache.GetOrAdd(details, Bytes);

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Grpc;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters.Grpc;

/// <summary>Makes a call of gRPC out of a browser's, and the browser's answer out of the one that comes (Envoy documentation, "gRPC-Web").</summary>
internal static class GrpcWebFilter
{
    private static readonly byte[] BadBody = "Bad gRPC-web request, invalid base64 data."u8.ToArray();

    /// <summary>The request has come to the filter. False where it has been answered.</summary>
    public static bool Begin(Exchange exchange)
    {
        var request = exchange.Request;
        if (exchange.Upgrade != UpgradeKind.None || !request.TryGet(KnownHeader.ContentType, out var type) || !IsWeb(type, out var isText))
        {
            return true;
        }

        var web = exchange.BeginWebCall();
        web.Begin(isText, request.TryGet("accept"u8, out var accept) && IsText(accept));
        if (exchange.Target is not null && Router.TryGetCluster(exchange, out var cluster))
        {
            web.Stats = cluster.State.Stats.Grpc.WebCalls.Find(request.Path);
        }

        Replace(request, "content-type"u8, KnownHeader.ContentType, "application/grpc"u8);
        Replace(request, "te"u8, KnownHeader.Te, "trailers"u8);
        if (!request.TryGet("grpc-accept-encoding"u8, out _))
        {
            request.AddOwnField("grpc-accept-encoding"u8, KnownHeader.Other, "identity"u8);
        }

        if (!isText || web.TryDecodeFirst(exchange.Downstream.BufferedBody, exchange.Downstream.IsRequestComplete))
        {
            return true;
        }

        Refuse(exchange);
        return false;
    }

    /// <summary>Answers a request whose body is no base64.</summary>
    public static void Refuse(Exchange exchange) => LocalReplies.SendOrCut(exchange, 400, "grpc_base_64_decode_failed", BadBody);

    /// <summary>Payload of the request as it goes upstream; false where it is no base64.</summary>
    public static bool TryTakeRequest(Exchange exchange, GrpcWebCall web, ref ReadOnlySpan<byte> payload) =>
        !web.IsTextRequest || web.TryDecode(payload, exchange.Downstream.IsRequestComplete, out payload);

    /// <summary>Passes on what has come of a response.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="web">The browser's side of the call.</param>
    /// <param name="upstream">Where it comes from.</param>
    /// <param name="payload">Of its body.</param>
    /// <param name="trailers">What ends it; null for nothing, or not yet.</param>
    /// <param name="isHeadSent">True where the head was passed on, or is held.</param>
    public static void Pass(Exchange exchange, GrpcWebCall web, UpstreamStream upstream, ReadOnlySpan<byte> payload, TrailerHead? trailers, ref bool isHeadSent)
    {
        var end = upstream.IsResponseComplete;
        if (!isHeadSent)
        {
            isHeadSent = true;
            var isHeadOnly = end && payload.IsEmpty && trailers is null;
            if (isHeadOnly || IsPassed(upstream.Head))
            {
                SendHead(exchange, web, upstream, isHeadOnly, web.Encode(payload, trailers));
                return;
            }

            web.Hold(upstream.Head);
            upstream.DropHead();
        }

        if (web.IsHeld)
        {
            Hold(exchange, web, payload, end);
            return;
        }

        exchange.MarkActivity();
        exchange.Downstream.SendBody(web.Encode(payload, trailers), end);
    }

    private static void SendHead(Exchange exchange, GrpcWebCall web, UpstreamStream upstream, bool isHeadOnly, ReadOnlySpan<byte> payload)
    {
        Replace(upstream.Head, "content-type"u8, KnownHeader.ContentType, web.ContentType);

        // Trailers make the body longer than it was declared to be.
        var response = isHeadOnly
            ? new UpstreamResponse(upstream.Head, upstream.Framing, upstream.DeclaredLength)
            : new UpstreamResponse(upstream.Head, BodyFraming.Chunked, -1);
        exchange.Downstream.SendHead(exchange, response, payload, upstream.IsResponseComplete);
        upstream.DropHead();
    }

    /// <summary>A response that no client of gRPC-Web can read is told in its headers: the body becomes the message.</summary>
    private static void Hold(Exchange exchange, GrpcWebCall web, ReadOnlySpan<byte> payload, bool end)
    {
        exchange.MarkActivity();
        web.HoldBody(payload);
        if (end)
        {
            exchange.Details = ViaUpstream;
            exchange.Downstream.SendLocalReply(exchange, exchange.ToGrpcWeb(web, new LocalReply(web.HeldStatus, web.HeldBody.WrittenMemory, web.HeldLines.WrittenMemory), isCalled: true));
        }
    }

    /// <summary>True for a head behind which messages come: of gRPC, or of a backend that speaks gRPC-Web itself.</summary>
    private static bool IsPassed(ResponseHead head) => GrpcStatistics.IsGrpc(head) || (head.Status == 200 && head.TryGet(KnownHeader.ContentType, out var type) && IsBinary(type));

    private static void Replace(MessageHead head, ReadOnlySpan<byte> name, KnownHeader id, ReadOnlySpan<byte> value)
    {
        head.AddOwnField(name, id, value);
        head.WithholdReceived(id);
    }

    private static bool IsWeb(ReadOnlySpan<byte> type, out bool isText)
    {
        isText = IsText(type);
        return isText || type.SequenceEqual("application/grpc-web"u8) || type.SequenceEqual("application/grpc-web+proto"u8);
    }

    private static bool IsText(ReadOnlySpan<byte> type) => type.SequenceEqual("application/grpc-web-text"u8) || type.SequenceEqual("application/grpc-web-text+proto"u8);

    private static bool IsBinary(ReadOnlySpan<byte> type)
    {
        var semicolon = type.IndexOf((byte)';');
        type = semicolon < 0 ? type : type[..semicolon].TrimEnd(" \t"u8);
        return Ascii.EqualsIgnoreCase(type, "application/grpc-web"u8) || Ascii.EqualsIgnoreCase(type, "application/grpc-web+proto"u8);
    }

    private static readonly byte[] ViaUpstream = "via_upstream"u8.ToArray();
}

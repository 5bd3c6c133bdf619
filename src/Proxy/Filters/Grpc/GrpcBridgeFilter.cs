using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Observability.Grpc;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters.Grpc;

/// <summary>
/// Lets clients of HTTP/1.1 make unary calls of gRPC (Envoy documentation, "gRPC HTTP/1.1 bridge"): the response is held until its trailers are here, whose status goes into
/// the head; one that is not 0 makes it 503.
/// </summary>
internal static class GrpcBridgeFilter
{
    /// <summary>How responses to such calls are held.</summary>
    public static readonly StreamBuffering Buffering = new(BufferBehavior.FullyBufferAndAlwaysInjectContentLength, ReplayBuffer.MaxBytes);

    /// <summary>The request has come to the filter. False where it has been answered.</summary>
    public static async LoopTask<bool> RunAsync(Exchange exchange, GrpcBridgeConfig filter)
    {
        // As in Envoy a request without a body gets no prefix: no message is another thing than one of no bytes.
        if (!TryBegin(exchange, filter) || exchange.Downstream.RequestFraming.IsEmpty)
        {
            return true;
        }

        if (!await HeldRequest.ReadAsync(exchange, ReplayBuffer.MaxBytes, injectsLength: false, LocalReplies.RequestBufferExceeded))
        {
            return false;
        }

        var bridge = exchange.Call!.Bridge!;
        if (exchange.Replay is { } kept)
        {
            kept.Prepend(bridge.PrefixOf(kept.Length));
        }
        else
        {
            bridge.Frame(exchange.Downstream.BufferedBody);
        }

        return true;
    }

    /// <summary>A response without a body, which has its status in its head.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="head">The head.</param>
    public static void TakeHead(Exchange exchange, ResponseHead head) => TakeStatus(exchange, head, head);

    /// <summary>A response of which all is here.</summary>
    /// <param name="exchange">The exchange.</param>
    /// <param name="head">Its head, which goes to the client next.</param>
    /// <param name="trailers">Its trailers; null for none: nothing is known of its status then.</param>
    public static void Finish(Exchange exchange, ResponseHead head, TrailerHead? trailers)
    {
        if (trailers is null)
        {
            return;
        }

        TakeStatus(exchange, head, trailers);
        Copy(head, trailers, "grpc-status"u8, KnownHeader.GrpcStatus);
        Copy(head, trailers, "grpc-message"u8, KnownHeader.Other);
    }

    /// <summary>Finds out whether the request is for the filter. True where its body has to be framed.</summary>
    private static bool TryBegin(Exchange exchange, GrpcBridgeConfig filter)
    {
        var request = exchange.Request;
        if (exchange.Downstream.IsHttp2 || exchange.Upgrade != UpgradeKind.None || !request.TryGet(KnownHeader.ContentType, out var type))
        {
            return false;
        }

        if (exchange.Call?.Bridge is { IsUpgraded: true } before)
        {
            // A redirect that is followed here: what is kept of the body has its prefix, unless the body was dropped.
            if (exchange.Downstream.RequestFraming.IsEmpty)
            {
                before.DropBody();
            }

            return false;
        }

        var isBare = filter.UpgradesProtobuf && type.SequenceEqual("application/x-protobuf"u8);
        if (!isBare && !GrpcContentType.IsGrpc(type))
        {
            return false;
        }

        var bridge = exchange.BeginBridgeCall();
        request.AddOwnField("te"u8, KnownHeader.Te, "trailers"u8);
        request.WithholdReceived(KnownHeader.Te);
        if (filter.IgnoresQuery)
        {
            request.DropQuery();
        }

        if (!isBare)
        {
            return false;
        }

        request.AddOwnField("content-type"u8, KnownHeader.ContentType, "application/grpc"u8);
        request.WithholdReceived(KnownHeader.ContentType);
        bridge.Upgrade();
        RouteSelection.TakeAgain(exchange);
        return true;
    }

    private static void TakeStatus(Exchange exchange, ResponseHead head, MessageHead source)
    {
        if (GrpcStatusHeader.TryGet(source, out var code) && code != GrpcCode.Ok)
        {
            exchange.CountStatusAs(head.Status);
            head.ReplaceStatus(503);
        }
    }

    private static void Copy(ResponseHead head, TrailerHead trailers, ReadOnlySpan<byte> name, KnownHeader id)
    {
        if (!trailers.TryGet(name, out var value))
        {
            return;
        }

        head.AddOwnField(name, id, value);
        if (id == KnownHeader.Other)
        {
            head.WithholdReceived(name);
        }
        else
        {
            head.WithholdReceived(id);
        }
    }
}

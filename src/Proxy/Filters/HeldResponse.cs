using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Runtime.Retries;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Reads a response to its end before anything goes to the client. The endpoint is done with it then, however slowly the client takes what was held: the rest
/// goes out by <see cref="SendRestAsync"/> once the endpoint's side has been given back.
/// </summary>
internal static class HeldResponse
{
    /// <summary>Reads the body of a response whose head has come, and sends the head and the first piece.</summary>
    /// <param name="exchange">Whose response it is.</param>
    /// <param name="buffering">How much may be held, and how it goes on.</param>
    /// <param name="upstream">Where it comes from; its body was begun.</param>
    public static async LoopTask<RelayOutcome> RunAsync(Exchange exchange, StreamBuffering buffering, UpstreamStream upstream)
    {
        if (upstream.DeclaredLength > buffering.MaxBytes)
        {
            return RelayOutcome.TooLong;
        }

        var body = exchange.BeginHeldResponse(buffering.MaxBytes);
        var turn = default(TurnBudget);
        var isHeadCounted = false;
        var bridge = exchange.Call?.Bridge;
        bridge?.BeginResponse();
        while (true)
        {
            upstream.MaxRead = exchange.Worker.ReadLimit;
            switch (upstream.TryReadBody(out var payload))
            {
                case UpstreamRead.Ready:
                    turn.Spend(payload.Length);
                    exchange.MarkActivity();
                    exchange.NoteResponsePayload(payload.Length, upstream.IsResponseComplete);
                    ResponseRelay.Count(exchange, upstream, payload, ref isHeadCounted);
                    bridge?.Strip(ref payload);
                    if (!body.TryAppend(payload))
                    {
                        return RelayOutcome.TooLong;
                    }

                    if (upstream.IsResponseComplete)
                    {
                        return await SendAsync(exchange, buffering, upstream, body);
                    }

                    break;
                case UpstreamRead.NeedMore:
                    exchange.KeepHeadOf(upstream);
                    turn.Renew();
                    await upstream.Io.Readable();
                    break;
                case UpstreamRead.Malformed:
                    return RelayOutcome.Malformed;
                default:
                    return RelayOutcome.Disconnected;
            }

            if (ResponseRelay.IsAborted(exchange))
            {
                return RelayOutcome.Aborted;
            }

            // What is left in the worker's receive buffer does not survive a suspension.
            if (turn.IsSpent && !upstream.HasUnreadInput)
            {
                exchange.KeepHeadOf(upstream);
                turn.Renew();
                await exchange.Worker.NextTurn();
                if (ResponseRelay.IsAborted(exchange))
                {
                    return RelayOutcome.Aborted;
                }
            }
        }
    }

    /// <summary>Sends what is left of a body, no faster than the client takes it.</summary>
    public static async LoopTask SendRestAsync(Exchange exchange)
    {
        if (!await SendPiecesAsync(exchange, exchange.HeldResponse!, end: true))
        {
            LocalReplies.Aborted(exchange);
        }

        exchange.EndHeldResponse();
    }

    private static async LoopTask<RelayOutcome> SendAsync(Exchange exchange, StreamBuffering buffering, UpstreamStream upstream, ReplayBuffer body)
    {
        var trailers = upstream.Trailers;
        if (exchange.Call?.Bridge is not null)
        {
            GrpcBridgeFilter.Finish(exchange, upstream.Head, trailers);
        }

        var framing = buffering.InjectsLength ? new BodyFraming(BodyKind.ContentLength, body.Length) : upstream.Framing;
        var isFirstAll = body.PieceCount <= 1;
        exchange.Downstream.SendHead(
            exchange, new UpstreamResponse(upstream.Head, framing, upstream.DeclaredLength), body.PieceCount == 0 ? default : body.Piece(0), isFirstAll && trailers is null);
        upstream.DropHead();
        exchange.EndHeldHead();
        exchange.HeldPiecesSent = 1;
        if (trailers is null)
        {
            if (isFirstAll)
            {
                exchange.EndHeldResponse();
            }

            return RelayOutcome.Complete;
        }

        // They are the endpoint's for as long as its side is not given back.
        if (!await SendPiecesAsync(exchange, body, end: false))
        {
            return RelayOutcome.Aborted;
        }

        ResponseRelay.PassTrailers(exchange, trailers);
        exchange.EndHeldResponse();
        return RelayOutcome.Complete;
    }

    /// <summary>Sends the pieces that were not sent. False where the exchange was aborted meanwhile.</summary>
    private static async LoopTask<bool> SendPiecesAsync(Exchange exchange, ReplayBuffer body, bool end)
    {
        var downstream = exchange.Downstream;
        while (exchange.HeldPiecesSent < body.PieceCount)
        {
            if (downstream.IsCongested)
            {
                exchange.BeginWaitForReader();
                await downstream.Io.Drained();
                exchange.EndWait();
            }

            if (ResponseRelay.IsAborted(exchange))
            {
                return false;
            }

            exchange.MarkActivity();
            var piece = exchange.HeldPiecesSent++;
            downstream.SendBody(body.Piece(piece), end && piece == body.PieceCount - 1);
        }

        return !ResponseRelay.IsAborted(exchange);
    }
}

using KubeProxyNet.Proxy.Filters.Grpc;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.Attempts;
using KubeProxyNet.Proxy.Runtime.Grpc;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>How the response side of an attempt ended.</summary>
internal enum RelayOutcome : byte
{
    /// <summary>The whole response went to the client.</summary>
    Complete,

    /// <summary>The upstream closed or reset the connection too early.</summary>
    Disconnected,

    /// <summary>The upstream sent something that is no HTTP response.</summary>
    Malformed,

    /// <summary>The exchange was aborted, as <see cref="Exchange.Abort"/> says, or the attempt, as <see cref="UpstreamAttempt.Failure"/> says.</summary>
    Aborted,

    /// <summary>The response's head has come, and the retry policy wants another one instead.</summary>
    Unwanted,

    /// <summary>The response's head has come; the retry policy would want another one, and an attempt that runs beside may still bring it.</summary>
    Dropped,

    /// <summary>The response's head has come; it is a redirect that is followed here.</summary>
    Redirected,

    /// <summary>The response's head has come; its body is longer than what may be held of it.</summary>
    TooLong,
}

/// <summary>Reads a response from the upstream and passes it to the client's side as it arrives, no faster than the client takes it.</summary>
internal static class ResponseRelay
{
    public static async LoopTask<RelayOutcome> RunAsync(UpstreamAttempt attempt, UpstreamStream upstream)
    {
        var exchange = attempt.Exchange;
        var interim = 0;
        while (true)
        {
            upstream.MaxRead = exchange.Downstream.ReadSize;
            var read = upstream.TryReadHead();
            if (attempt.HasEnded)
            {
                return RelayOutcome.Aborted;
            }

            if (read == UpstreamRead.Ready)
            {
                var verdict = ResponseHeads.Take(attempt, upstream, ref interim);
                if (verdict == HeadVerdict.Final)
                {
                    break;
                }

                if (verdict == HeadVerdict.Refused)
                {
                    return RelayOutcome.Malformed;
                }

                upstream.NextHead();
            }
            else if (read != UpstreamRead.NeedMore)
            {
                return read == UpstreamRead.Malformed ? RelayOutcome.Malformed : RelayOutcome.Disconnected;
            }
            else
            {
                var wait = await upstream.Io.Readable();
                if (attempt.HasSoftlyTimedOut && !attempt.HasEnded)
                {
                    Hedging.OnSoftTimeout(attempt);
                }
                else if (wait == WaitResult.Interrupted)
                {
                    return attempt.HasEnded ? RelayOutcome.Aborted : RelayOutcome.Disconnected;
                }
            }
        }

        if (ResponseHeads.Judge(attempt, upstream) is var instead and not RelayOutcome.Complete)
        {
            return instead;
        }

        var downstream = exchange.Downstream;
        if (exchange.Upgrade.IsAgreedBy(upstream.Head.Status))
        {
            downstream.SendHead(exchange, new UpstreamResponse(upstream.Head, BodyFraming.None, -1), default, end: false);
            upstream.DropHead();
            return await Tunnel.RunAsync(exchange, upstream);
        }

        upstream.BeginBody(exchange.IsHead);
        var buffering = exchange.Call?.Bridge is null ? exchange.ResponseBuffering : GrpcBridgeFilter.Buffering;
        if (buffering.Holds(upstream.Framing) && exchange.Call?.Web is null)
        {
            return await HeldResponse.RunAsync(exchange, buffering, upstream);
        }

        var turn = default(TurnBudget);
        var isHeadSent = false;
        while (true)
        {
            var spliced = 0;
            var payload = default(ReadOnlySpan<byte>);
            var isSpliced = isHeadSent && upstream.IsWorthSplicing && exchange.Call is null && downstream.TakesPayloadAsItIs && downstream.Connection.CanSplice();
            upstream.MaxRead = downstream.ReadSize;
            switch (isSpliced ? upstream.TrySpliceBody(downstream.Connection, out spliced) : upstream.TryReadBody(out payload))
            {
                case UpstreamRead.Ready when spliced > 0:
                    turn.Spend(spliced);
                    exchange.NoteResponsePayload(spliced, upstream.IsResponseComplete);
                    exchange.MarkActivity();
                    break;
                case UpstreamRead.Ready:
                    turn.Spend(payload.Length);
                    Pass(exchange, upstream, payload, ref isHeadSent);
                    break;
                case UpstreamRead.NeedMore:
                    if (!isHeadSent)
                    {
                        Pass(exchange, upstream, default, ref isHeadSent);
                    }

                    // The end, and trailers, may come while nothing is read, and still have to be passed on: only a read may find them.
                    turn.Renew();
                    await upstream.Io.Readable();
                    if (IsAborted(exchange))
                    {
                        return RelayOutcome.Aborted;
                    }

                    continue;
                case UpstreamRead.Malformed:
                    return RelayOutcome.Malformed;
                default:
                    return RelayOutcome.Disconnected;
            }

            if (IsAborted(exchange))
            {
                return RelayOutcome.Aborted;
            }

            if (isHeadSent && upstream.IsResponseComplete)
            {
                return RelayOutcome.Complete;
            }

            // What is left in the worker's receive buffer does not survive a suspension.
            if (upstream.HasUnreadInput)
            {
                continue;
            }

            if (downstream.IsCongested || turn.IsSpent)
            {
                turn.Renew();
                if (downstream.IsCongested)
                {
                    exchange.BeginWaitForReader();
                    await downstream.Io.Drained();
                    exchange.EndWait();
                }
                else
                {
                    await exchange.Worker.NextTurn();
                }

                exchange.MarkActivity();
                if (IsAborted(exchange))
                {
                    return RelayOutcome.Aborted;
                }
            }
        }
    }

    private static void Pass(Exchange exchange, UpstreamStream upstream, ReadOnlySpan<byte> payload, ref bool isHeadSent)
    {
        var end = upstream.IsResponseComplete;
        var trailers = end ? upstream.Trailers : null;
        exchange.NoteResponsePayload(payload.Length, end);
        if (exchange.Call is { } call)
        {
            Count(exchange, call, upstream, payload, trailers, isHeadSent);
            if (call.Web is { } web)
            {
                GrpcWebFilter.Pass(exchange, web, upstream, payload, trailers, ref isHeadSent);
                return;
            }

            if (!isHeadSent && call.Bridge is not null)
            {
                GrpcBridgeFilter.TakeHead(exchange, upstream.Head);
            }
        }

        if (isHeadSent)
        {
            exchange.MarkActivity();
            exchange.Downstream.SendBody(payload, end && trailers is null);
        }
        else
        {
            isHeadSent = true;
            exchange.Downstream.SendHead(exchange, new UpstreamResponse(upstream.Head, upstream.Framing, upstream.DeclaredLength), payload, end && trailers is null);
            upstream.DropHead();
        }

        if (trailers is not null)
        {
            PassTrailers(exchange, trailers);
        }
    }

    /// <summary>Passes on what stands behind a body.</summary>
    public static void PassTrailers(Exchange exchange, TrailerHead trailers)
    {
        exchange.NoteTrailers(trailers);
        if (trailers.Has(KnownHeader.GrpcStatus))
        {
            GrpcResults.Take(exchange.Attempt, trailers);
        }

        exchange.Downstream.SendTrailers(trailers);
    }

    /// <summary>Counts payload of a response that is held; its head with the first of it.</summary>
    public static void Count(Exchange exchange, UpstreamStream upstream, ReadOnlySpan<byte> payload, ref bool isHeadCounted)
    {
        if (exchange.Call is { } call)
        {
            Count(exchange, call, upstream, payload, upstream.IsResponseComplete ? upstream.Trailers : null, isHeadCounted);
            isHeadCounted = true;
        }
    }

    private static void Count(Exchange exchange, GrpcCall call, UpstreamStream upstream, ReadOnlySpan<byte> payload, TrailerHead? trailers, bool isHeadSent)
    {
        if (!isHeadSent)
        {
            GrpcStatistics.TakeHead(exchange, call, upstream.Head, upstream.IsResponseComplete && payload.IsEmpty && trailers is null);
        }

        GrpcStatistics.TakeResponse(exchange, call, payload);
        if (trailers is not null)
        {
            GrpcStatistics.TakeTrailers(exchange, call, trailers);
        }
    }

    /// <summary>True where the exchange was aborted, also by a client that has gone.</summary>
    public static bool IsAborted(Exchange exchange)
    {
        if (exchange.Downstream.Io.Error != 0)
        {
            exchange.AbortWith(AbortReason.ClientGone);
        }

        return exchange.Abort != AbortReason.None;
    }
}

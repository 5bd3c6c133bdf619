using KubeProxyNet.Proxy.Filters.Mirroring;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Carries a request body upstream as it arrives. It reads no faster than the upstream takes it.</summary>
internal static class RequestBodyPump
{
    /// <summary>Runs beside the response until the body ends, either side fails, or the exchange stops it.</summary>
    public static async LoopTask RunAsync(Exchange exchange, UpstreamStream upstream)
    {
        var downstream = exchange.Downstream;
        var turn = default(TurnBudget);
        if (upstream.Io.IsCongested)
        {
            // Of a connection that holds as much as it may, this stream is only one.
            await upstream.Io.Drained();
        }

        // The end may come while nothing is read, and still has to be passed on: only a read may find it.
        while (!exchange.StopRequestBody && exchange.Abort == AbortReason.None)
        {
            switch (RequestBodyReader.TryRead(exchange, out var payload))
            {
                case DownstreamRead.NeedMore:
                    turn.Renew();
                    exchange.BeginWaitForBody();
                    await downstream.Io.Readable();
                    exchange.EndWait();
                    if (exchange.StopRequestBody || !upstream.Io.IsCongested)
                    {
                        continue;
                    }

                    // What has come may wait where it is.
                    break;
                case not DownstreamRead.Ready:
                    return;
                default:
                    exchange.BytesReceived += payload.Length;
                    turn.Spend(payload.Length);
                    exchange.MarkActivity();
                    exchange.KeepForReplay(payload);
                    if (!Send(exchange, upstream, payload) && !downstream.IsRequestComplete)
                    {
                        // The side that reads the response finds out why.
                        return;
                    }

                    break;
            }

            if (downstream.IsRequestComplete)
            {
                exchange.Attempt.RequestEndMs = exchange.Worker.NowMs;
                exchange.MarkRequestEnd();
                RequestMirrors.Send(exchange);
                return;
            }

            if (upstream.Io.IsCongested && exchange.Abort == AbortReason.None)
            {
                turn.Renew();
                await upstream.Io.Drained();
            }
            else if (turn.IsSpent)
            {
                turn.Renew();
                await exchange.Worker.NextTurn();
            }
        }
    }

    private static bool Send(Exchange exchange, UpstreamStream upstream, ReadOnlySpan<byte> payload)
    {
        var downstream = exchange.Downstream;
        var framing = exchange.UpstreamRequestFraming;
        if (!downstream.IsRequestComplete || downstream.RequestTrailers is not { } trailers)
        {
            return upstream.SendBody(framing, payload, downstream.IsRequestComplete);
        }

        var isSent = upstream.SendBody(framing, payload, end: false);
        upstream.SendTrailers(framing, trailers);
        return isSent;
    }
}

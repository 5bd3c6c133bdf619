using KubeProxyNet.Proxy.Filters.Mirroring;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>Carries a request body upstream as it arrives. It reads no faster than the upstream takes it.</summary>
internal static class RequestBodyPump
{
    private const int CopyLimit = 32 * 1024;

    /// <summary>Runs beside the response until the body ends, either side fails, or the exchange stops it.</summary>
    public static async LoopTask RunAsync(Exchange exchange, Connection upstream)
    {
        var downstream = exchange.Downstream;
        var turn = default(TurnBudget);
        while (!downstream.IsRequestComplete && !exchange.StopRequestBody && exchange.Abort == AbortReason.None)
        {
            switch (RequestBodyReader.TryRead(exchange, out var payload))
            {
                case DownstreamRead.NeedMore:
                    turn.Renew();
                    exchange.BeginWaitForBody();
                    await downstream.Connection.Readable();
                    exchange.EndWait();
                    continue;
                case not DownstreamRead.Ready:
                    return;
                default:
                    exchange.BytesReceived += payload.Length;
                    turn.Spend(payload.Length);
                    exchange.MarkActivity();
                    exchange.KeepForReplay(payload);
                    if (!Send(upstream, downstream.RequestFraming, payload, downstream.IsRequestComplete) && !downstream.IsRequestComplete)
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

            if (upstream.PendingOutput > Connection.HighWaterMark)
            {
                turn.Renew();
                await upstream.Drained();
            }
            else if (turn.IsSpent)
            {
                turn.Renew();
                await exchange.Worker.NextTurn();
            }
        }
    }

    /// <summary>Sends payload in the framing of the request. False where the connection is broken.</summary>
    public static bool Send(Connection upstream, BodyFraming framing, ReadOnlySpan<byte> payload, bool end)
    {
        if (framing.Kind != BodyKind.Chunked)
        {
            return payload.IsEmpty || upstream.Send(payload);
        }

        return ChunkWriter.Send(upstream, payload, end, CopyLimit);
    }
}

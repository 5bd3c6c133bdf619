using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Filters;

/// <summary>
/// Carries bytes both ways once an upgrade or CONNECT was agreed. Each direction ends by itself: the FIN of one side is passed on behind
/// its last byte, and the other side may go on. A side that breaks ends both. No direction reads faster than its other end takes.
/// </summary>
internal static class Tunnel
{
    public static async LoopTask<RelayOutcome> RunAsync(Exchange exchange, UpstreamStream upstream)
    {
        var worker = exchange.Worker;
        worker.Stats.Increment(exchange.HttpStats.UpgradesTotal);
        worker.Stats.Add(exchange.HttpStats.UpgradesActive, 1);
        exchange.IsTunnel = true;
        upstream.BeginTunnel();
        exchange.Downstream.BeginTunnel();
        exchange.MarkActivity();

        var up = UpAsync(exchange, upstream);
        await DownAsync(exchange, upstream);
        await up;

        worker.Stats.Add(exchange.HttpStats.UpgradesActive, -1);
        return exchange.Abort == AbortReason.None ? RelayOutcome.Complete
            : exchange.Abort == AbortReason.UpstreamGone ? RelayOutcome.Disconnected
            : RelayOutcome.Aborted;
    }

    private static async LoopTask UpAsync(Exchange exchange, UpstreamStream upstream)
    {
        var downstream = exchange.Downstream;
        var turn = default(TurnBudget);
        while (exchange.Abort == AbortReason.None)
        {
            switch (downstream.TryReadBody(out var payload))
            {
                case DownstreamRead.Ready when payload.IsEmpty && downstream.IsRequestComplete:
                    exchange.RequestEndMs = exchange.Attempt.RequestEndMs = exchange.Worker.NowMs;
                    exchange.MarkActivity();
                    await upstream.Io.FlushedAsync();
                    upstream.Io.ShutdownWrite();

                    // Over TLS the end is bytes too, and the socket may have no room for them.
                    await upstream.Io.FlushedAsync();
                    return;
                case DownstreamRead.Ready:
                    exchange.BytesReceived += payload.Length;
                    exchange.MarkActivity();
                    turn.Spend(payload.Length);
                    if (!upstream.SendBody(BodyFraming.UntilClose, payload, end: false))
                    {
                        exchange.AbortWith(AbortReason.UpstreamGone);
                    }

                    break;
                case DownstreamRead.NeedMore:
                    turn.Renew();
                    await downstream.Io.Readable();
                    break;
                default:
                    exchange.AbortWith(AbortReason.ClientGone);
                    break;
            }

            if (upstream.Io.IsCongested)
            {
                turn.Renew();
                await upstream.Io.Drained();
                exchange.MarkActivity();
            }
            else if (turn.IsSpent)
            {
                turn.Renew();
                await exchange.Worker.NextTurn();
            }
        }
    }

    private static async LoopTask DownAsync(Exchange exchange, UpstreamStream upstream)
    {
        var downstream = exchange.Downstream;
        var turn = default(TurnBudget);
        while (exchange.Abort == AbortReason.None)
        {
            upstream.MaxRead = downstream.ReadSize;
            switch (upstream.TryReadBody(out var payload))
            {
                case UpstreamRead.Ready when payload.IsEmpty && upstream.IsResponseComplete:
                    exchange.NoteResponsePayload(0, end: true);
                    exchange.MarkActivity();
                    await downstream.Io.FlushedAsync();
                    downstream.Io.ShutdownWrite();
                    await downstream.Io.FlushedAsync();
                    return;
                case UpstreamRead.Ready:
                    exchange.NoteResponsePayload(payload.Length, end: false);
                    exchange.MarkActivity();
                    turn.Spend(payload.Length);
                    downstream.SendBody(payload, end: false);
                    if (downstream.Io.Error != 0)
                    {
                        exchange.AbortWith(AbortReason.ClientGone);
                    }

                    break;
                case UpstreamRead.NeedMore:
                    turn.Renew();
                    await upstream.Io.Readable();
                    break;
                default:
                    exchange.AbortWith(AbortReason.UpstreamGone);
                    break;
            }

            if (downstream.IsCongested)
            {
                turn.Renew();
                exchange.BeginWaitForReader();
                await downstream.Io.Drained();
                exchange.EndWait();
                exchange.MarkActivity();
            }
            else if (turn.IsSpent)
            {
                turn.Renew();
                await exchange.Worker.NextTurn();
            }
        }
    }
}

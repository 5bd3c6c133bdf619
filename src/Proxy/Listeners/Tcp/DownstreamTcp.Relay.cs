using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Listeners.Tcp;

/// <content>
/// Carries bytes both ways. Each direction ends by itself: the FIN of one side is passed on behind its last byte, and the other side may go on. A side
/// that breaks ends both. No direction reads faster than its other end takes.
/// </content>
internal sealed partial class DownstreamTcp
{
    /// <summary>What is worth it to move without a copy: what came in one read of at least this.</summary>
    private const int MinSplice = 32 * 1024;

    private async LoopTask RelayAsync(UpstreamConnection upstream)
    {
        var up = CarryAsync(_connection, upstream.Connection, isUp: true);
        await CarryAsync(upstream.Connection, _connection, isUp: false);
        await up;
    }

    private async LoopTask CarryAsync(Connection from, Connection to, bool isUp)
    {
        var turn = default(TurnBudget);
        var isBulk = false;
        while (_end == TcpEnd.None)
        {
            var count = isBulk && from.Layer is null && to.CanSplice() ? to.Splice(from, Worker.ReadLimit) : Copy(from, to);
            isBulk = count >= MinSplice;
            if (count > 0)
            {
                _activityMs = Worker.NowMs;
                turn.Spend(count);
            }
            else if (count == Connection.WouldBlock)
            {
                turn.Renew();
                await from.Readable();
            }
            else if (count == Connection.EndOfStream)
            {
                await EndDirectionAsync(to, isUp);
                return;
            }
            else if (!isUp && from.Layer is { EndedUnannounced: true })
            {
                await to.FlushedAsync();
                End(TcpEnd.UpstreamCut);
            }
            else
            {
                End(isUp ? TcpEnd.ClientGone : TcpEnd.UpstreamGone);
            }

            if (to.Error != 0)
            {
                End(isUp ? TcpEnd.UpstreamGone : TcpEnd.ClientGone);
            }
            else if (to.IsCongested)
            {
                turn.Renew();
                await DrainedAsync(to, isUp);
            }
            else if (turn.IsSpent)
            {
                turn.Renew();
                await Worker.NextTurn();
            }
        }
    }

    private static int Copy(Connection from, Connection to)
    {
        var buffer = from.Worker.ReceiveBuffer.AsSpan(0, from.Worker.ReadLimit);
        var count = from.Receive(buffer);
        if (count > 0)
        {
            // Whether it went wrong is asked of the connection.
            _ = to.Send(buffer[..count]);
        }

        return count;
    }

    private async LoopTask DrainedAsync(Connection to, bool isUp)
    {
        if (isUp)
        {
            Worker.Stats.Increment(_state.Stats.FlowControlPaused);
        }

        await to.Drained();
        _activityMs = Worker.NowMs;
        if (isUp)
        {
            Worker.Stats.Increment(_state.Stats.FlowControlResumed);
        }
    }

    private async LoopTask EndDirectionAsync(Connection to, bool isUp)
    {
        var isFlush = isUp && to.PendingOutput > 0;
        if (isFlush)
        {
            Worker.Stats.Increment(_state.Stats.UpstreamFlushTotal);
            Worker.Stats.Add(_state.Stats.UpstreamFlushActive, 1);
        }

        // The end goes behind what is queued, and is waited for: a socket that takes the last byte may have no room for a close_notify.
        to.ShutdownWrite();
        await to.FlushedAsync();
        if (isFlush)
        {
            Worker.Stats.Add(_state.Stats.UpstreamFlushActive, -1);
        }

        if (to.Error != 0)
        {
            End(isUp ? TcpEnd.UpstreamGone : TcpEnd.ClientGone);
        }
    }
}

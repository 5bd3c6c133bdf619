using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>What bounds the connection in time: while it is idle, while a head arrives, while output is left. While a request is served, its exchange says.</summary>
internal sealed partial class DownstreamHttp1
{
    void IConnectionOwner.OnDeadline(Connection connection)
    {
        switch (_phase)
        {
            case Phase.Serving when _exchange!.PassedDeadline() is var reason:
                if (reason == AbortReason.None)
                {
                    break;
                }

                connection.Worker.Stats.Increment(reason == AbortReason.IdleTimeout ? _state.Stats.RequestsIdleTimeout : _state.Stats.RequestsTimeout);
                _exchange.AbortWith(reason);
                break;
            case Phase.Closing when HasTakenEnough():
                break;
            case Phase.Idle when !EndsIdleWait(connection.Worker.Stats):
                break;
            default:
                _deadlinePassed = true;
                connection.Interrupt();
                break;
        }
    }

    private void SetIdleDeadline()
    {
        // An answer that began before the drain has not told the client to go: its connection gets the grace of an idle one.
        if (_drainGraceMs != NotDraining)
        {
            _connection.SetDeadline(_drainGraceMs);
            return;
        }

        var wait = _state.IdleMs > 0 ? _state.IdleMs : long.MaxValue;
        if (_state.MaxConnectionDurationMs > 0)
        {
            wait = Math.Min(wait, Math.Max(0, _openedMs + _state.MaxConnectionDurationMs - _runtime.Worker.NowMs));
        }

        SetDeadline(wait);
    }

    /// <summary>The earliest of what bounds the wait for the rest of a head; all of them run from its first byte.</summary>
    private void SetHeadDeadline()
    {
        var wait = long.MaxValue;
        foreach (var limit in (ReadOnlySpan<long>)[_state.RequestHeadersTimeoutMs, _state.RequestTimeoutMs, _state.StreamIdleMs, _state.MaxStreamDurationMs])
        {
            wait = limit > 0 ? Math.Min(wait, limit) : wait;
        }

        SetDeadline(wait);
    }

    private void SetDeadline(long wait)
    {
        if (wait == long.MaxValue)
        {
            // What is armed may still be a deadline of the exchange before.
            _connection.ClearDeadline();
        }
        else
        {
            _connection.SetDeadline(wait);
        }
    }

    /// <summary>An idle connection has waited long enough: for its next request, or for the end of its life, which it is told with the next answer.</summary>
    private bool EndsIdleWait(StatPage page)
    {
        if (_drainGraceMs != NotDraining)
        {
            page.Increment(_state.Stats.ConnectionsDrainClose);
            return true;
        }

        if (_state.MaxConnectionDurationMs > 0 && _runtime.Worker.NowMs >= _openedMs + _state.MaxConnectionDurationMs)
        {
            page.Increment(_state.Stats.ConnectionsMaxDuration);
            Drain((long)_state.Config.DrainTimeout.TotalMilliseconds);
            return false;
        }

        page.Increment(_state.Stats.ConnectionsIdleTimeout);
        return true;
    }

    private void ArmWriteStall()
    {
        _sentBefore = _connection.BytesSent;
        _connection.SetDeadline(Exchange.WriteStallMs);
    }

    /// <summary>A client that takes its answers slowly, but fast enough, gets another while.</summary>
    private bool HasTakenEnough()
    {
        var isFastEnough = _sentBefore != NotWriting && _connection.BytesSent - _sentBefore >= Exchange.MinRate * Exchange.WriteStallMs / 1000;
        if (isFastEnough)
        {
            ArmWriteStall();
        }

        return isFastEnough;
    }
}

using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http2;

/// <summary>What bounds the connection in time, and its end. What bounds a stream, its exchange says.</summary>
internal sealed partial class DownstreamHttp2
{
    void IConnectionOwner.OnDeadline(Connection connection)
    {
        var page = _runtime.Worker.Stats;
        if (_isClosing)
        {
            _deadlinePassed = true;
            connection.Interrupt();
        }
        else if (_drainGraceMs != NotDraining)
        {
            // The client has had the time to read of it, whether or not it answered.
            _http2.EndDrain();
            if (ActiveExchanges == 0 && !_http2.IsOver)
            {
                page.Increment(_state.Stats.ConnectionsDrainClose);
                _http2.EndIdle();
            }
        }
        else if (HasReachedItsAge())
        {
            page.Increment(_state.Stats.ConnectionsMaxDuration);
            Drain((long)_state.Config.DrainTimeout.TotalMilliseconds);
        }
        else if (ActiveExchanges == 0)
        {
            page.Increment(_state.Stats.ConnectionsIdleTimeout);
            _http2.EndIdle();
        }
        else
        {
            SetBusyDeadline();
        }
    }

    /// <summary>Streams that are under way end in order; a connection without any is gone after the grace at the latest.</summary>
    public override void Drain(long idleGraceMs)
    {
        if (_drainGraceMs == NotDraining && !_isClosing)
        {
            _drainGraceMs = Math.Max(1, idleGraceMs);
            _http2.Drain();
            _connection.SetDeadline(_drainGraceMs);
        }
    }

    /// <summary>The client has begun in order.</summary>
    public void OnOpen()
    {
        if (ActiveExchanges == 0)
        {
            OnIdle();
        }
    }

    /// <summary>No stream is under way: the idle timeout begins.</summary>
    public void OnIdle()
    {
        if (_drainGraceMs != NotDraining || _isClosing)
        {
            return;
        }

        var wait = _state.IdleMs > 0 ? _state.IdleMs : long.MaxValue;
        SetDeadline(Math.Min(wait, LeftOfItsAge()));
    }

    private bool HasReachedItsAge() => LeftOfItsAge() == 0;

    private long LeftOfItsAge() => _state.MaxConnectionDurationMs > 0
        ? Math.Max(0, _accepted.AcceptedMs + _state.MaxConnectionDurationMs - _runtime.Worker.NowMs)
        : long.MaxValue;

    /// <summary>A client that does not begin gets as long as one that does not finish the head of a request.</summary>
    private void SetOpeningDeadline() => SetDeadline(Math.Min(_state.RequestHeadersTimeoutMs > 0 ? _state.RequestHeadersTimeoutMs : long.MaxValue, LeftOfItsAge()));

    private void SetBusyDeadline() => SetDeadline(LeftOfItsAge());

    private void SetDeadline(long wait)
    {
        if (wait == long.MaxValue)
        {
            _connection.ClearDeadline();
        }
        else
        {
            _connection.SetDeadline(wait);
        }
    }

    /// <summary>Sends what is queued, tells the peer that no more comes, and reads on for a while, so that a reset does not destroy what was said last (RFC 9112 §9.6).</summary>
    private async LoopTask EndAsync()
    {
        _isClosing = true;
        if (_mustReset || _connection.Error != 0)
        {
            return;
        }

        _connection.SetDeadline(Exchange.WriteStallMs);
        await _connection.FlushedAsync();
        _mustReset = _deadlinePassed && _connection.PendingOutput > 0;
        if (_connection.IsPeerClosed || _deadlinePassed)
        {
            return;
        }

        _connection.ShutdownWrite();
        _connection.SetDeadline((long)_state.Config.DelayedCloseTimeout.TotalMilliseconds);
        var dropped = 0;
        while (!_deadlinePassed && _connection.Error == 0 && dropped < MaxDropped)
        {
            var count = _connection.Receive(_connection.Worker.ReceiveBuffer);
            if (count > 0)
            {
                dropped += count;
            }
            else if (count != Connection.WouldBlock || await _connection.Readable() == WaitResult.Interrupted)
            {
                return;
            }
        }
    }
}

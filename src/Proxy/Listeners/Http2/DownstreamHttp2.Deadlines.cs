using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http2;

/// <summary>What bounds the connection in time, and its end. What bounds a stream, its exchange says.</summary>
internal sealed partial class DownstreamHttp2
{
    private long _unfinishedDeadlineMs = DeadlineTimer.Never;
    private long _wakeMs = DeadlineTimer.Never;

    /// <summary>How long the rest of a response may wait without the client taking any of it.</summary>
    public long FlushTimeoutMs => _state.StreamIdleMs > 0 ? Math.Min(_state.StreamIdleMs, Exchange.WriteStallMs) : Exchange.WriteStallMs;

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        var page = _runtime.Worker.Stats;
        if (_isClosing)
        {
            _deadlinePassed = true;
            connection.Interrupt();
        }
        else if (_runtime.Worker.NowMs >= _unfinishedDeadlineMs)
        {
            page.Increment(_state.Stats.RequestsHeaderTimeout);
            _http2.Fail(Http2ErrorCode.EnhanceYourCalm, "a frame or a head was not finished in time");
        }
        else if (_runtime.Worker.NowMs < _wakeMs)
        {
            SetDeadline(_wakeMs - _runtime.Worker.NowMs);
        }
        else if (_drainGraceMs != NotDraining)
        {
            // The client has had the time to read of it, whether or not it answered.
            // What is left of responses still goes, as long as it is taken.
            var wasOver = _http2.IsOver;
            _http2.EndDrain();
            page.Add(_state.Stats.ConnectionsDrainClose, _http2.IsOver && !wasOver ? 1 : 0);
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
            SetDeadline(_drainGraceMs);
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

    /// <summary>Part of a frame or of a field block has come, another than before; or nothing is unfinished any more.</summary>
    public void OnUnfinished(bool isUnfinished)
    {
        if (_isClosing || _state.RequestHeadersTimeoutMs <= 0)
        {
            return;
        }

        // The deadline of the connection is put off, not away: what it was for is seen to once it has passed.
        var now = _runtime.Worker.NowMs;
        _unfinishedDeadlineMs = isUnfinished ? now + _state.RequestHeadersTimeoutMs : DeadlineTimer.Never;
        if (isUnfinished && _connection.Timer.DeadlineMs > _unfinishedDeadlineMs)
        {
            _connection.SetDeadline(_state.RequestHeadersTimeoutMs);
        }
    }

    private void SetDeadline(long wait)
    {
        var now = _runtime.Worker.NowMs;
        _wakeMs = wait == long.MaxValue ? DeadlineTimer.Never : now + wait;
        var first = Math.Min(_wakeMs, _unfinishedDeadlineMs);
        if (first == DeadlineTimer.Never)
        {
            _connection.ClearDeadline();
        }
        else
        {
            _connection.SetDeadline(Math.Max(0, first - now));
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

        // The end goes behind what is queued: a socket that takes the last byte may have no room for a close_notify.
        _connection.ShutdownWrite();
        _connection.SetDeadline(Exchange.WriteStallMs);
        await _connection.FlushedAsync();
        _mustReset = _deadlinePassed && _connection.PendingOutput > 0;
        if (_connection.IsPeerClosed || _deadlinePassed)
        {
            return;
        }

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

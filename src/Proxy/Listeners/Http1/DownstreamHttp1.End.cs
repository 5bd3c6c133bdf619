using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>The end of the connection, such that the last answer arrives.</summary>
internal sealed partial class DownstreamHttp1
{
    /// <summary>Bytes read and dropped while the connection ends; who sends more does not wait for the answer.</summary>
    private const int MaxDropped = 4 * 1024 * 1024;

    /// <summary>Sends what is queued, tells the peer that no more comes, and reads on for a while, so that a reset does not destroy the answer (RFC 9112 §9.6).</summary>
    private async LoopTask EndAsync()
    {
        _phase = Phase.Closing;
        _deadlinePassed = false;
        if (_mustReset || _connection.Error != 0)
        {
            return;
        }

        // A client that announced the end itself has sent all it will: nothing can arrive that would make the close a reset.
        var mayCloseAtOnce = _connection.IsPeerClosed || (_clientAskedToClose && _stream.IsRequestComplete && _input.IsEmpty);
        if (mayCloseAtOnce && _connection.SendLast())
        {
            return;
        }

        // The end goes behind what is queued: a socket that takes the last byte of the answer may have no room for a close_notify.
        var announcesEnd = !mayCloseAtOnce && _requests > 0;
        if (announcesEnd)
        {
            _connection.ShutdownWrite();
        }

        ArmWriteStall();
        await _connection.FlushedAsync();
        _sentBefore = NotWriting;

        // One who takes nothing would not see the end behind it, and the kernel would keep all of it for him.
        _mustReset |= _deadlinePassed && _connection.PendingOutput > 0;
        if (!announcesEnd || _connection.IsPeerClosed || _deadlinePassed)
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
                continue;
            }

            if (count != Connection.WouldBlock || await _connection.Readable() == WaitResult.Interrupted)
            {
                return;
            }
        }
    }
}

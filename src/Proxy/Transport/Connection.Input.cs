namespace KubeProxyNet.Proxy.Transport;

/// <content>What was received before whoever awaits it was resumed (<see cref="TurnInput"/>).</content>
internal sealed partial class Connection
{
    private Block? _aside;
    private int _aheadStart;
    private int _aheadLength;
    private bool _aheadIsAll;
    private int _lastReceived;

    /// <summary>
    /// True where what is there may be received ahead, which takes it from the socket: for an owner that reads by <see cref="Receive"/> alone. It is left where the last read was
    /// a long one, for long pieces are better read at once to where they are wanted.
    /// </summary>
    public bool ReceivesAhead { get; set; }

    void IPollTarget.ReceiveAhead(uint events)
    {
        const uint Unusual = Native.EpollRdHup | Native.EpollHup | Native.EpollErr | Native.EpollPri;
        if ((events & (Native.EpollIn | Unusual)) != Native.EpollIn || !ReceivesAhead || !IsAwaited || _lastReceived >= TurnInput.MaxPiece || _aheadLength > 0 || IsClosed)
        {
            return;
        }

        var room = Worker.Input.Room;
        if (room.IsEmpty)
        {
            return;
        }

        _readable = true;
        var count = ReceiveNow(room);
        if (count > 0)
        {
            _aheadStart = Worker.Input.Keep(this, count);
            _aheadLength = count;
            _aheadIsAll = count < room.Length;
        }
    }

    /// <summary>True where the edge that is being told of has been followed: the socket is empty, and its next byte raises a new one.</summary>
    private bool IsReceivedAhead => _aheadLength > 0 && _aside is null && _aheadIsAll && !IsPeerClosed && !HasUrgentInput;

    /// <summary>The turn's input ends, and nobody took this piece of it: it is kept in a block.</summary>
    internal void SetAside()
    {
        if (_aheadLength > 0 && _aside is null)
        {
            _aside = Worker.Blocks.Rent(_aheadLength);
            Worker.Input.Bytes(_aheadStart, _aheadLength).CopyTo(_aside.Bytes);
            _aheadStart = 0;
            Worker.Input.Taken();
        }
    }

    private int TakeAhead(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, _aheadLength);
        var bytes = _aside is { } block ? block.Bytes.AsSpan(_aheadStart, count) : Worker.Input.Bytes(_aheadStart, count);
        bytes.CopyTo(buffer);
        _aheadStart += count;
        _aheadLength -= count;
        if (_aheadLength == 0)
        {
            EndAhead();
        }

        return count;
    }

    private void DropAhead()
    {
        if (_aheadLength > 0)
        {
            _aheadLength = 0;
            EndAhead();
        }
    }

    private void EndAhead()
    {
        if (_aside is { } block)
        {
            _aside = null;
            Worker.Blocks.Return(block);
        }
        else
        {
            Worker.Input.Taken();
        }
    }
}

namespace KubeProxyNet.Proxy.Transport;

/// <summary>What a connection tells its owner while nobody awaits it.</summary>
internal interface IConnectionOwner : IPrefetched
{
    /// <summary>Bytes, the peer's FIN or a reset arrived while nobody was reading.</summary>
    void OnUnawaitedRead(Connection connection);

    /// <summary>The connection's deadline passed; it is no longer armed.</summary>
    void OnDeadline(Connection connection);
}

/// <summary>
/// A non-blocking stream socket on one worker: try first, wait only when the kernel said it would block. Small output leaves at the end of the
/// loop's turn (<see cref="TurnOutput"/>), large output at once. What does not fit the socket is kept in pooled blocks and flushed on readiness; above
/// <see cref="LoopStream.HighWaterMark"/> the producer awaits <see cref="LoopStream.Drained"/>.
/// </summary>
internal sealed partial class Connection : LoopStream, IPollTarget
{
    /// <summary>Returned by <see cref="Receive"/> where the peer has finished sending.</summary>
    public const int EndOfStream = 0;

    /// <summary>Returned by <see cref="Receive"/> where the call would block.</summary>
    public const int WouldBlock = -1;

    /// <summary>Returned by <see cref="Receive"/> where the connection broke; see <see cref="LoopStream.Error"/>.</summary>
    public const int Broken = -2;

    private readonly OutputQueue _output;
    private readonly PollHandle _handle;
    private TurnOutput.Piece _kept;
    private int _descriptor;
    private SocketEndpoint? _localAddress;
    private bool _readable;
    private bool _writable;
    private bool _isEnding;
    private bool _finSent;

    /// <summary>Takes over a socket and registers it with the worker's poller.</summary>
    /// <param name="worker">The worker that owns it for life.</param>
    /// <param name="descriptor">A connected or connecting non-blocking socket, owned from here on.</param>
    /// <param name="owner">Told of what nobody awaits.</param>
    /// <param name="writable">False while a connect is under way.</param>
    public Connection(Worker worker, int descriptor, IConnectionOwner owner, bool writable)
        : base(worker)
    {
        Owner = owner;
        _descriptor = descriptor;
        _writable = writable;
        _output = new OutputQueue(worker.Blocks);
        worker.Descriptors.Take();
        _handle = worker.Poller.Add(descriptor, Native.EpollIn | Native.EpollPri | Native.EpollOut | Native.EpollRdHup | Native.EpollEdge, this);
    }

    public IConnectionOwner Owner { get; set; }

    /// <summary>What its next input is for; null where that is not known.</summary>
    public IPrefetched? Served { get; set; }

    /// <inheritdoc/>
    public override bool IsClosed => _descriptor < 0;

    /// <summary>The peer sent FIN, or the connection was reset; bytes before that may still be unread.</summary>
    public bool IsPeerClosed { get; private set; }

    /// <summary>The peer has sent urgent bytes: from then on reading may stop in front of them though there are more, and moving does for good.</summary>
    public bool HasUrgentInput { get; private set; }

    /// <inheritdoc/>
    public override bool IsReadable => _readable || _aheadLength > 0 || _layer?.HasBufferedInput == true;

    /// <summary>Bytes that the socket did not take yet, or was not asked to.</summary>
    public override int PendingOutput => _output.Length + _kept.Length;

    /// <summary>True where the socket has refused bytes, which wait: more would only be copied to wait behind them.</summary>
    public bool IsBacklogged => _output.Length > 0;

    /// <summary>Where its events stand among those of their batch.</summary>
    public DispatchOrder Order
    {
        set => Worker.Poller.SetOrder(_handle, value);
    }

    /// <summary>Our end of it: one system call at first use. Null once the socket is closed or where the kernel does not say.</summary>
    public SocketEndpoint? LocalAddress => _localAddress ??= IsClosed ? null : ListenSocket.LocalAddressOf(_descriptor);

    /// <summary>Reads what is there: a positive count, or one of <see cref="EndOfStream"/>, <see cref="WouldBlock"/> and <see cref="Broken"/>.</summary>
    public int Receive(Span<byte> buffer)
    {
        var count = _layer is null ? ReceiveFromSocket(buffer) : _layer.Receive(buffer);
        BytesReceived += Math.Max(count, 0);
        return count;
    }

    /// <summary>Looks for bytes or FIN without taking them; for a kept connection just before a request that must not be sent twice.</summary>
    public unsafe bool HasUnreadInput()
    {
        if (_layer is not null)
        {
            return _layer.HasUnreadInput(orEnd: true);
        }

        if (_aheadLength > 0)
        {
            return true;
        }

        byte probe;
        var count = Native.Receive(_descriptor, &probe, 1, Native.MsgPeek);
        if (count >= 0 || Native.Errno != Native.EAgain)
        {
            return true;
        }

        _readable = false;
        return false;
    }

    /// <summary>True where bytes wait in the socket, whether or not a FIN stands behind them.</summary>
    public unsafe bool HasUnreadBytes()
    {
        if (_layer is not null)
        {
            return _layer.HasUnreadInput(orEnd: false);
        }

        byte probe;
        return _aheadLength > 0 || Native.Receive(_descriptor, &probe, 1, Native.MsgPeek) > 0;
    }

    /// <summary>Sends FIN after what was sent so far, also after what is queued.</summary>
    public override void ShutdownWrite()
    {
        if (!IsClosed)
        {
            SendKept();
            SealEnd();
            _isEnding = true;
            SendFin();
        }
    }

    /// <summary>Closes the socket and returns its buffers.</summary>
    /// <param name="reset">Sends RST instead of FIN, so that a cut message is not taken for a whole one.</param>
    /// <param name="announce">False to leave out the secure layer's announcement of the end, which says that what came before was all.</param>
    public unsafe void Close(bool reset = false, bool announce = true)
    {
        if (IsClosed)
        {
            return;
        }

        if (!reset)
        {
            SendKept();
            if (announce)
            {
                SealEnd();
            }
        }
        else
        {
            _kept = default;

            // struct linger { l_onoff = 1, l_linger = 0 }
            var linger = 1L;
            _ = Native.SetSocketOption(_descriptor, Native.SolSocket, Native.SoLinger, &linger, sizeof(long));
        }

        Worker.Timers.Remove(Timer);
        Timer.DeadlineMs = DeadlineTimer.Never;
        Worker.Poller.Forget(_handle);
        _ = Native.Close(_descriptor);
        Worker.Descriptors.Return();
        _descriptor = -1;
        _output.Clear();
        DropAhead();
        _layer?.Release();
        _layer = null;
        Interrupt();
    }

    void IPrefetched.Prefetch(int step)
    {
        PrefetchReader(step);
        if (step == 0)
        {
            CacheLines.Prefetch(Owner, lines: 5);
            CacheLines.Prefetch(Served, lines: 11);
        }
        else
        {
            Owner.Prefetch(step);
            Served?.Prefetch(step);
        }
    }

    void IPollTarget.OnEvents(uint events)
    {
        if ((events & (Native.EpollRdHup | Native.EpollHup | Native.EpollErr)) != 0)
        {
            IsPeerClosed = true;

            // HUP says that both directions have ended: in order where we ended ours, else by a reset.
            IsReset |= (events & Native.EpollErr) != 0 || ((events & Native.EpollHup) != 0 && !_finSent);
        }

        HasUrgentInput |= (events & Native.EpollPri) != 0;
        if ((events & (Native.EpollOut | Native.EpollHup | Native.EpollErr)) != 0)
        {
            OnWritable();
        }

        if ((events & (Native.EpollIn | Native.EpollRdHup | Native.EpollHup | Native.EpollErr)) != 0 && !IsClosed)
        {
            OnReadable();
        }
    }

    private int ReceiveFromSocket(Span<byte> buffer)
    {
        if (_aheadLength > 0)
        {
            return TakeAhead(buffer);
        }

        return ReceiveNow(buffer);
    }

    private unsafe int ReceiveNow(Span<byte> buffer)
    {
        if (!_readable)
        {
            return WouldBlock;
        }

        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = (int)Native.Receive(_descriptor, start, (nuint)buffer.Length, 0);
                if (count > 0)
                {
                    // A short read emptied the socket: more bytes raise a new edge. A FIN that came before this read does not, and at urgent bytes reading stops.
                    _readable = count == buffer.Length || IsPeerClosed || HasUrgentInput;
                    _lastReceived = count;
                    return count;
                }

                if (count == 0)
                {
                    // Who asks for the socket's error takes it away: after a reset that a send or a connect found, reading sees only an end.
                    IsPeerClosed = true;
                    return IsReset ? Broken : EndOfStream;
                }

                switch (Native.Errno)
                {
                    case Native.EIntr:
                        continue;
                    case Native.EAgain:
                        _readable = false;
                        return WouldBlock;
                    case var error:
                        Fail(error);
                        return Broken;
                }
            }
        }
    }

    private void SendFin()
    {
        if (_isEnding && !_finSent && _output.Length == 0)
        {
            _finSent = true;
            _ = Native.Shutdown(_descriptor, Native.ShutdownWrite);
        }
    }

    private void OnReadable()
    {
        _readable = !IsReceivedAhead;
        if (!ResumeReader())
        {
            Owner.OnUnawaitedRead(this);
        }
    }

    private void OnWritable()
    {
        if (!_writable)
        {
            _writable = true;
            if (PendingSocketError() is var error and not 0)
            {
                Fail(error);
            }
        }

        if (_output.Length > 0)
        {
            Flush();
        }

        SendFin();
        ResumeWriter();
    }

    private void Fail(int error)
    {
        Error = error;
        IsPeerClosed = true;
        IsReset = true;
        _readable = true;
    }

    private unsafe int PendingSocketError()
    {
        int error;
        uint length = sizeof(int);
        return Native.GetSocketOption(_descriptor, Native.SolSocket, Native.SoError, &error, &length) < 0 ? Native.Errno : error;
    }
}

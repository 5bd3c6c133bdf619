using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>What a stream tells whoever exchanges messages by it.</summary>
internal interface IHttp2StreamOwner
{
    /// <summary>The stream's deadline has passed.</summary>
    void OnDeadline(Http2Stream stream);

    /// <summary>The peer, or the end of the connection, has ended the stream: <see cref="Http2Stream.ResetCode"/> says why. Nothing more goes either way.</summary>
    void OnReset(Http2Stream stream);
}

/// <summary>
/// One stream of a connection (RFC 9113 section 5): the windows and what waits in both directions. Payload is copied here as it arrives and read when its reader
/// comes; payload that no window allows yet waits here too. Used again and again by its connection.
/// </summary>
internal sealed class Http2Stream(Http2Connection connection) : LoopStream(connection.Worker)
{
    private readonly OutputQueue _input = new(connection.Worker.Blocks);
    private readonly OutputQueue _output = new(connection.Worker.Blocks);
    private int _taken;
    private bool _isClosed = true;

    /// <summary>Identifier; 0 while it is nobody's.</summary>
    public int Id { get; private set; }

    /// <summary>Who exchanges messages by it; null once he is done.</summary>
    public IHttp2StreamOwner? Owner { get; private set; }

    /// <summary>Bytes that we may send (RFC 9113 section 6.9); may be negative.</summary>
    public long SendWindow { get; set; }

    /// <summary>Bytes that the peer may send.</summary>
    public int ReceiveWindow { get; set; }

    /// <summary>What <see cref="ReceiveWindow"/> is brought back to.</summary>
    public int WindowTarget { get; set; }

    /// <summary>Of what its connection shares out, bytes that it holds or may bring.</summary>
    public int Claim { get; set; }

    /// <summary>True once the peer has sent its last byte.</summary>
    public bool IsRemoteEnded { get; set; }

    /// <summary>True once our last frame is written.</summary>
    public bool IsLocalEnded { get; set; }

    /// <summary>True once our last byte was given, which may still wait.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>What ended it early; null while nothing did.</summary>
    public Http2ErrorCode? ResetCode { get; private set; }

    /// <summary>Payload that the head promised and that has not come; -1 where nothing was promised.</summary>
    public long ExpectedBytes { get; set; }

    /// <summary>True once the head of the message that the peer sends was taken: what comes then is payload and trailers.</summary>
    public bool HasHead { get; set; }

    /// <summary>0 first to 7 last (RFC 9218 section 4.1).</summary>
    public int Urgency { get; set; }

    /// <summary>True to share with others of the same urgency, frame by frame (RFC 9218 section 4.2).</summary>
    public bool IsIncremental { get; set; }

    /// <summary>Neighbours among those that have something to send.</summary>
    public Http2Stream? Next { get; set; }

    /// <inheritdoc cref="Next"/>
    public Http2Stream? Previous { get; set; }

    /// <summary>True while it is among those that have something to send.</summary>
    public bool IsScheduled { get; set; }

    /// <summary>True where its exchange has ended and its last bytes wait.</summary>
    public bool IsOrphan { get; set; }

    /// <summary>Fields to follow the last byte, as lines: what they are in HPACK depends on what goes before them. Null for none.</summary>
    public Block? Trailers { get; set; }

    /// <summary>Octets in <see cref="Trailers"/>.</summary>
    public int TrailersLength { get; set; }

    /// <summary>The connection.</summary>
    public Http2Connection Connection => connection;

    /// <summary>Bytes that wait to be read.</summary>
    public int Unread => _input.Length - _taken;

    /// <summary>Bytes that came and stand here, read or not.</summary>
    public int Kept => _input.Length;

    /// <summary>Bytes that it holds in either direction.</summary>
    public int Held => _input.Length + _output.Length;

    /// <inheritdoc/>
    public override bool IsClosed => _isClosed;

    /// <inheritdoc/>
    public override bool IsReadable => Unread > 0 || IsRemoteEnded || ResetCode is not null;

    /// <inheritdoc/>
    public override int PendingOutput => _output.Length;

    /// <summary>True where something of it waits already, or nothing of it can go: the socket is full, or it has no window and others hold much already that has none either.</summary>
    public override bool IsCongested =>
        _output.Length > 0 || connection.Connection.IsBacklogged || (connection.IsFull && (SendWindow <= 0 || connection.SendWindow <= 0));

    /// <summary>Bytes that are worth being given at once: what can go, and where nothing can a frame that takes its turn, or less where much waits.</summary>
    public int SendableBytes
    {
        get
        {
            var least = connection.IsFull ? Http2Connection.QueuedBeyondBound : FrameHeader.MaxLength;
            return connection.SendsAtOnce(this)
                ? (int)Math.Clamp(Math.Min(SendWindow, connection.SendWindow), least, Worker.Memory.IsScarce ? Worker.ReadLimit : Worker.ReceiveBufferSize)
                : least;
        }
    }

    /// <summary>What waits to be sent, from the front; as much of it as is contiguous.</summary>
    public ReadOnlySpan<byte> QueuedOutput => _output.Head;

    /// <summary>The peer gets to know of it.</summary>
    public void Open(int id, int sendWindow, int receiveWindow, int windowTarget)
    {
        Id = id;
        SendWindow = sendWindow;
        ReceiveWindow = receiveWindow;
        WindowTarget = windowTarget;
    }

    /// <summary>Begins a new life.</summary>
    public void Prepare(IHttp2StreamOwner owner)
    {
        Owner = owner;
        _isClosed = false;
        IsRemoteEnded = IsLocalEnded = IsEnding = HasHead = IsReset = IsOrphan = false;
        ResetCode = null;
        ExpectedBytes = -1;
        Urgency = PriorityField.DefaultUrgency;
        IsIncremental = true;
        BytesReceived = BytesSent = 0;
        Error = 0;
    }

    /// <summary>Payload that is there, from the front; valid until the next call. What was given by the call before is gone.</summary>
    /// <param name="most">As many bytes at most.</param>
    public ReadOnlySpan<byte> Read(int most = int.MaxValue)
    {
        Consume();
        var bytes = _input.Head;
        _taken = Math.Min(bytes.Length, most);
        return bytes[.._taken];
    }

    /// <summary>Payload that is there, from the front, without taking it; as much of it as is contiguous.</summary>
    public ReadOnlySpan<byte> Peek() => _input.Head[_taken..];

    /// <summary>What <see cref="Read"/> gave last has been used.</summary>
    public void Consume()
    {
        if (_taken > 0)
        {
            var count = _taken;
            _taken = 0;
            _input.Consume(count);
            connection.OnConsumed(this, count);
        }
    }

    /// <summary>Payload has come. Whoever waits for it is resumed on the next turn.</summary>
    public void Take(ReadOnlySpan<byte> payload)
    {
        BytesReceived += payload.Length;
        if (Owner is not null)
        {
            _input.Append(payload);
        }

        EnqueueReader();
    }

    /// <summary>The peer has sent its last byte.</summary>
    public void TakeEnd()
    {
        IsRemoteEnded = true;
        connection.CountClaim(this);
        EnqueueReader();
    }

    /// <summary>Something has come that a reader should see: a head.</summary>
    public void Wake() => EnqueueReader();

    /// <summary>Sends payload; what no window allows waits. False where the stream has ended.</summary>
    public bool Send(ReadOnlySpan<byte> payload, bool end)
    {
        if (ResetCode is not null || IsEnding)
        {
            return false;
        }

        IsEnding = end;
        connection.SendData(this, payload);
        return true;
    }

    /// <summary>Ends the stream with fields behind the payload.</summary>
    /// <param name="lines">Lines of the form <c>name: value</c>, each with its line end.</param>
    public void SendTrailers(ReadOnlySpan<byte> lines)
    {
        if (ResetCode is null && !IsEnding)
        {
            IsEnding = true;
            connection.SendTrailers(this, lines);
        }
    }

    /// <summary>Our last frame was a head.</summary>
    public void EndWithFields() => IsLocalEnded = IsEnding = true;

    /// <summary>The peer wants no more of what we send, and has sent all that it had to.</summary>
    public void StopSending()
    {
        IsLocalEnded = IsEnding = true;
        _output.Clear();
        ReturnTrailers();
        EnqueueReader();
        EnqueueWriter();
    }

    /// <summary>Ends the stream at once, if it has not ended.</summary>
    public void Reset(Http2ErrorCode code) => connection.Reset(this, code);

    /// <summary>Whoever exchanges messages by it is done; what was given to be sent still goes out.</summary>
    public void Release()
    {
        Owner = null;
        ClearDeadline();
        connection.OnReleased(this);
    }

    /// <inheritdoc/>
    public override async LoopTask<WaitResult> FlushedAsync()
    {
        while (_output.Length > 0 && ResetCode is null)
        {
            if (await Written(OutputWait.None) == WaitResult.Interrupted)
            {
                return WaitResult.Interrupted;
            }
        }

        return WaitResult.Ready;
    }

    /// <inheritdoc/>
    public override void ShutdownWrite() => Send(default, end: true);

    /// <summary>Appends payload that has to wait.</summary>
    public void Queue(ReadOnlySpan<byte> payload) => _output.Append(payload);

    /// <summary>Payload that waited has gone.</summary>
    public void Dequeue(int count)
    {
        _output.Consume(count);
        EnqueueWriter();
    }

    /// <summary>Counts payload that went.</summary>
    public void CountSent(int count) => BytesSent += count;

    /// <summary>Room may have come elsewhere on the connection.</summary>
    public void WakeWriter() => EnqueueWriter();

    /// <summary>The stream has ended early: what waits is dropped, and whoever waits is told.</summary>
    /// <param name="code">Why.</param>
    /// <param name="byPeer">True where the peer ended it.</param>
    /// <param name="byOwner">True where whoever exchanges messages by it did, and need not be told.</param>
    public void End(Http2ErrorCode code, bool byPeer, bool byOwner = false)
    {
        ResetCode = code;
        IsReset = byPeer;
        Error = Native.EConnReset;
        IsLocalEnded = IsEnding = true;
        _output.Clear();
        ReturnTrailers();
        if (Owner is null)
        {
            ClearDeadline();
        }

        EnqueueReader();
        EnqueueWriter();
        if (!byOwner)
        {
            Owner?.OnReset(this);
        }
    }

    /// <summary>Ends its life; returns how many bytes were never read.</summary>
    public int Close()
    {
        var unread = _input.Length;
        Id = 0;
        _isClosed = true;
        _taken = 0;
        _input.Clear();
        _output.Clear();
        ReturnTrailers();
        Worker.Timers.Remove(Timer);
        Timer.DeadlineMs = DeadlineTimer.Never;
        Interrupt();
        return unread;
    }

    /// <summary>Gives the memory of trailers back.</summary>
    public void ReturnTrailers()
    {
        if (Trailers is { } block)
        {
            Trailers = null;
            TrailersLength = 0;
            connection.ReturnFields(block);
        }
    }

    /// <inheritdoc/>
    protected override void OnDeadline()
    {
        if (Owner is { } owner)
        {
            owner.OnDeadline(this);
        }
        else if (Id != 0)
        {
            connection.OnFlushTimeout(this);
        }
    }

    /// <inheritdoc/>
    protected override bool IsOver(OutputWait wait) =>
        wait == OutputWait.None ? _output.Length == 0 : !IsCongested;
}

using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Http.Http2.Hpack;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>
/// One end of a connection that speaks HTTP/2 (RFC 9113), whichever it is: frames in, frames out, streams and their windows, settings, and the guards against a peer
/// that asks for more than it brings. What heads mean is left to the two ends. It belongs to one worker. Output is gathered over a turn of the loop.
/// </summary>
internal abstract partial class Http2Connection : ITurnEnd, IFrameBatch
{
    private const int MaxSpareStreams = 1024;

    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly Http2Guard _guard;
    private readonly HpackDecoder _decoder;
    private readonly HpackEncoder _encoder = new();
    private Http2Stream? _spare;
    private int _spareCount;
    private int _lastPeerStreamId;
    private bool _goAwaySent;

    /// <summary>Takes over a connection of which nothing was read.</summary>
    protected Http2Connection(Connection connection, Http2Options options, Http2Stats stats)
    {
        Connection = connection;
        connection.ReceivesAhead = true;
        Options = options;
        Stats = stats;
        _guard = new Http2Guard(options, stats, connection.Worker);
        _decoder = new HpackDecoder(options.HpackTableSize);
        _receiveWindow = Http2Options.MinWindow;
        _initialWindow = options.InitialStreamWindow;
    }

    /// <summary>The socket.</summary>
    public Connection Connection { get; }

    /// <summary>The worker that owns it.</summary>
    public Worker Worker => Connection.Worker;

    /// <summary>What the peer said of itself.</summary>
    public PeerSettings Peer { get; } = new();

    /// <summary>Streams whose exchange has not ended, or whose last bytes wait.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>True once no frame is taken or given any more.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Of <see cref="StreamCount"/>, those whose exchange has ended and whose last bytes wait: to the peer they are as open as the others.</summary>
    public int OrphanedStreams { get; private set; }

    /// <summary>Why it was ended from this side; null where it was not.</summary>
    public Http2ErrorCode? FailureCode { get; private set; }

    /// <summary>What the peer did, for people; empty where it did nothing wrong.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>True once the peer has said that it takes no more streams.</summary>
    public bool HasGoneAway { get; private set; }

    /// <summary>Bytes that it holds because its ends do not take or complete them.</summary>
    public int Held => Connection.PendingOutput + _batched + _queued + _buffered + _heldByFields + (_out?.Size ?? 0) + (_held?.Size ?? 0) + (_block?.Size ?? 0);

    /// <summary>Settings and limits of our end.</summary>
    protected Http2Options Options { get; }

    /// <summary>Where it counts.</summary>
    protected Http2Stats Stats { get; }

    /// <summary>True where the peer is the client.</summary>
    protected abstract bool IsServer { get; }

    /// <summary>Streams that are open.</summary>
    protected Dictionary<int, Http2Stream>.ValueCollection Streams => _streams.Values;

    /// <summary>Largest identifier of a stream that the peer has opened.</summary>
    protected int LastPeerStreamId => _lastPeerStreamId;

    /// <summary>Ends the connection for something that the peer did: GOAWAY, then its end (RFC 9113 section 5.4.1).</summary>
    public void Fail(Http2ErrorCode code, string details)
    {
        if (IsOver)
        {
            return;
        }

        FailureCode = code;
        Failure = details;
        SendGoAway(_lastPeerStreamId, code);
        End(byPeer: false);
    }

    /// <summary>Says that no stream beyond the given one is taken.</summary>
    protected void SendGoAway(int lastStreamId, Http2ErrorCode code)
    {
        if (!_goAwaySent || code != Http2ErrorCode.NoError || lastStreamId != FrameHeader.MaxStreamId)
        {
            _goAwaySent = true;
            Worker.Stats.Increment(Stats.GoAwaySent);
            WriteGoAway(lastStreamId, code);
        }
    }

    /// <summary>No frame is taken or given any more: every stream ends.</summary>
    /// <param name="byPeer">True where the peer broke it off.</param>
    protected void End(bool byPeer)
    {
        if (IsOver)
        {
            return;
        }

        IsOver = true;
        _keepalive?.End();
        FlushOutput();
        foreach (var stream in _streams.Values)
        {
            if (stream.ResetCode is null && !(stream.IsRemoteEnded && stream.IsLocalEnded))
            {
                Unschedule(stream);
                stream.End(Http2ErrorCode.Cancel, byPeer);
            }
        }

        // Whoever waits for bytes of the socket has nothing to wait for.
        Connection.Interrupt();
    }

    /// <summary>Gives back what it holds; the socket is the caller's to close. Only once every stream was released.</summary>
    protected void ReturnMemory()
    {
        foreach (var stream in _streams.Values)
        {
            stream.Close();
        }

        Worker.Stats.Add(Stats.StreamsActive, -_streams.Count);
        _streams.Clear();
        ReturnInput();
        ReturnOutput();
        ForgetWaiting();

        Worker.Stats.Add(Stats.PendingSendBytes, -_queued);
        _queued = 0;
    }

    /// <summary>A head begins a stream.</summary>
    /// <param name="id">Its identifier, which the peer may use now.</param>
    /// <param name="block">The field block.</param>
    /// <param name="end">True where nothing follows.</param>
    protected abstract void OnNewStream(int id, ReadOnlySpan<byte> block, bool end);

    /// <summary>Fields have come on a stream that is open: a head, or trailers.</summary>
    protected abstract void OnFields(Http2Stream stream, ReadOnlySpan<byte> block, bool end);

    /// <summary>The peer's first settings have come, or others.</summary>
    protected virtual void OnSettings()
    {
    }

    /// <summary>The peer takes no stream beyond the given one.</summary>
    protected virtual void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
    }

    /// <summary>A PING of ours was answered.</summary>
    protected virtual void OnPong(ulong data)
    {
    }

    /// <summary>The last stream has gone.</summary>
    protected virtual void OnIdle()
    {
    }

    /// <summary>A stream whose last bytes had waited has gone.</summary>
    protected virtual void OnOrphanClosed()
    {
    }

    /// <summary>Opens a stream.</summary>
    protected Http2Stream OpenStream(int id, IHttp2StreamOwner owner)
    {
        var stream = PrepareStream(owner);
        OpenStream(stream, id);
        return stream;
    }

    /// <summary>Opens a stream that was prepared.</summary>
    protected void OpenStream(Http2Stream stream, int id)
    {
        if (!IsServer)
        {
            _guard.OnStream();
        }

        stream.Open(id, Peer.InitialWindowSize, _initialWindow, Options.InitialStreamWindow);
        _streams.Add(id, stream);
        CountClaim(stream);
        Worker.Stats.Add(Stats.StreamsActive, 1);
    }

    /// <summary>A stream that has no number yet, of which the peer knows nothing.</summary>
    protected Http2Stream PrepareStream(IHttp2StreamOwner owner)
    {
        var stream = _spare;
        if (stream is null)
        {
            stream = new Http2Stream(this);
        }
        else
        {
            _spare = stream.Next;
            stream.Next = null;
            _spareCount--;
        }

        stream.Prepare(owner);
        return stream;
    }

    /// <summary>Ends a stream at once, unless it has ended (RFC 9113 section 6.4).</summary>
    public void Reset(Http2Stream stream, Http2ErrorCode code) => Reset(stream, code, byOwner: true);

    private void Reset(Http2Stream stream, Http2ErrorCode code, bool byOwner)
    {
        if (stream.Id == 0 || stream.ResetCode is not null || (stream.IsLocalEnded && stream.IsRemoteEnded))
        {
            return;
        }

        Unschedule(stream);
        WriteReset(stream.Id, code);
        stream.End(code, byPeer: false, byOwner);
    }

    /// <summary>Told by a stream whose exchange has ended.</summary>
    public void OnReleased(Http2Stream stream)
    {
        if (stream.Id == 0)
        {
            stream.Close();
            Spare(stream);
            return;
        }

        if (!stream.IsEnding)
        {
            Reset(stream, Http2ErrorCode.Cancel);
        }

        CloseIfDone(stream);
        if (stream.PendingOutput > 0 && !IsOver)
        {
            // Nobody waits for it any more, but for the peer to take it.
            stream.IsOrphan = true;
            OrphanedStreams++;
            stream.SetDeadline(FlushTimeoutMs);
        }
    }

    /// <summary>What was left of a stream when its exchange ended has not gone for too long: the peer keeps its window shut.</summary>
    public void OnFlushTimeout(Http2Stream stream)
    {
        Worker.Stats.Increment(Stats.TxFlushTimeout);
        Reset(stream, Http2ErrorCode.Cancel);
        CloseIfDone(stream);
    }

    /// <summary>Milliseconds that the rest of a stream, whose exchange has ended, may wait without any of it being taken.</summary>
    protected abstract long FlushTimeoutMs { get; }

    /// <summary>The peer has said that it did not process a stream, and will not.</summary>
    protected void DropUnprocessed(Http2Stream stream)
    {
        Unschedule(stream);
        stream.End(Http2ErrorCode.RefusedStream, byPeer: true);
    }

    /// <summary>A stream that was never opened here is not.</summary>
    protected void RefuseStream(int id, Http2ErrorCode code)
    {
        WriteReset(id, code);
        _guard.Forget(id);
        if (!_guard.OnReset())
        {
            FailByGuard();
        }
    }

    /// <summary>The stream leaves once both ends are done with it.</summary>
    private void CloseIfDone(Http2Stream stream)
    {
        // Identifier 0: it has left already, by what its end has brought about.
        if (stream.Owner is not null || !stream.IsLocalEnded || stream.Id == 0)
        {
            return;
        }

        if (!stream.IsRemoteEnded && stream.ResetCode is null)
        {
            // RFC 9113 section 8.1: the answer is whole, and what is left of the request is of no use.
            WriteReset(stream.Id, IsServer ? Http2ErrorCode.NoError : Http2ErrorCode.Cancel);
        }

        if (!stream.IsRemoteEnded)
        {
            _guard.Forget(stream.Id);
        }

        if (stream.ResetCode is null)
        {
            _guard.OnCompleted();
        }

        _streams.Remove(stream.Id);
        ForgetClaim(stream);
        var wasOrphan = stream.IsOrphan;
        var unread = stream.Close();
        Worker.Stats.Add(Stats.StreamsActive, -1);
        if (unread > 0)
        {
            _buffered -= unread;
            CreditConnection();
        }

        Spare(stream);
        if (_streams.Count == 0)
        {
            OnIdle();
        }

        if (wasOrphan)
        {
            OrphanedStreams--;
            if (!IsOver)
            {
                OnOrphanClosed();
            }
        }
    }

    private void Spare(Http2Stream stream)
    {
        if (_spareCount < MaxSpareStreams)
        {
            stream.Next = _spare;
            _spare = stream;
            _spareCount++;
        }
    }
}

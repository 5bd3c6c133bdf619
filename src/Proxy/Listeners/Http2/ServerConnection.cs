using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http2;

/// <summary>The server's end of an HTTP/2 connection: heads become exchanges.</summary>
internal sealed class ServerConnection(DownstreamHttp2 downstream, Connection connection, Http2Options options, Http2Stats stats)
    : Http2Connection(connection, options, stats)
{
    /// <summary>Identifies the PING that follows the first GOAWAY: its answer shows that the client has read it.</summary>
    private const ulong DrainPing = 0x6b706e2d64726e31;

    private const int MaxSpare = 1024;

    private ServerStream? _spare;
    private int _spareCount;
    private ServerStream? _firstToStart;
    private ServerStream? _lastToStart;
    private bool _isDraining;
    private long _unfinished;
    private int _lastTaken = FrameHeader.MaxStreamId;

    /// <summary>Whose connection it is.</summary>
    public DownstreamHttp2 Downstream => downstream;

    /// <summary>Bytes of bodies that the exchanges of its streams hold.</summary>
    public int HeldByExchanges
    {
        get
        {
            var held = 0;
            foreach (var stream in Streams)
            {
                held += (stream.Owner as ServerStream)?.HeldBytes ?? 0;
            }

            return held;
        }
    }

    /// <inheritdoc/>
    protected override bool IsServer => true;

    /// <inheritdoc/>
    protected override long FlushTimeoutMs => downstream.FlushTimeoutMs;

    /// <summary>Says what is to be known of us, before anything was read.</summary>
    public void Open()
    {
        ReadOnlySpan<(SettingId, uint)> settings =
        [
            (SettingId.MaxConcurrentStreams, (uint)Options.MaxConcurrentStreams),
            (SettingId.InitialWindowSize, (uint)Options.InitialStreamWindow),
            (SettingId.MaxHeaderListSize, (uint)downstream.MaxHeadBytes),
            (SettingId.HeaderTableSize, (uint)Options.HpackTableSize),
            (SettingId.NoRfc7540Priorities, 1),
            (SettingId.EnableConnectProtocol, 1),
        ];
        WriteOpening(Options.AllowConnect ? settings : settings[..^1]);
        BeginKeepalive();
    }

    /// <summary>Works through what came before the connection was known to speak HTTP/2, and all that comes then.</summary>
    public async LoopTask RunAsync(Block? first, int length)
    {
        if (first is not null)
        {
            Take(first.Bytes.AsSpan(0, length));
            Worker.Blocks.Return(first);
        }

        await ReadAsync();
    }

    /// <summary>No stream is taken any more, in two steps (RFC 9113 section 6.8): those that are on their way still are.</summary>
    public void Drain()
    {
        if (!_isDraining && !IsOver)
        {
            _isDraining = true;
            SendGoAway(FrameHeader.MaxStreamId, Http2ErrorCode.NoError);
            WritePing(DrainPing, FrameFlags.None);
        }
    }

    /// <summary>The second step: streams beyond those that have come are refused, and with the last of them the connection ends.</summary>
    public void EndDrain()
    {
        if (_isDraining && _lastTaken == FrameHeader.MaxStreamId && !IsOver)
        {
            _lastTaken = LastPeerStreamId;
            SendGoAway(_lastTaken, Http2ErrorCode.NoError);
            if (StreamCount == 0)
            {
                End(byPeer: false);
            }
        }
    }

    /// <summary>Ends the connection when nothing is under way.</summary>
    public void EndIdle()
    {
        SendGoAway(LastPeerStreamId, Http2ErrorCode.NoError);
        End(byPeer: false);
    }

    /// <summary>Ends the connection at once.</summary>
    public void Abort() => End(byPeer: false);

    /// <summary>Gives back what the connection holds, once it is over.</summary>
    public void Release() => ReturnMemory();

    /// <summary>Takes a stream's object back for the next.</summary>
    public void Return(ServerStream stream)
    {
        if (_spareCount < MaxSpare)
        {
            stream.Next = _spare;
            _spare = stream;
            _spareCount++;
        }
    }

    /// <inheritdoc/>
    protected override void OnNewStream(int id, ReadOnlySpan<byte> block, bool end)
    {
        if (id > _lastTaken)
        {
            // Section 6.8: streams behind the last one that GOAWAY names are not looked at.
            PassOver(block);
            RefuseStream(id, Http2ErrorCode.RefusedStream);
            return;
        }

        if (!MayAnswer())
        {
            return;
        }

        // Also streams whose exchange has ended and whose bytes wait, and exchanges that go on though their stream was reset.
        if (Math.Max(downstream.ActiveExchanges, StreamCount) >= Options.MaxConcurrentStreams)
        {
            PassOver(block);
            Worker.Stats.Increment(Stats.StreamRefusedErrors);
            RefuseStream(id, Http2ErrorCode.RefusedStream);
            return;
        }

        var scratch = Worker.Scratch.AsSpan();
        var half = scratch.Length / 2;
        var fields = new RequestComposer(scratch[..half], scratch[half..], Math.Min(half, downstream.MaxHeadBytes));
        if (!Decode(block, ref fields))
        {
            return;
        }

        // RFC 8441 section 3: what was not offered may not be asked for.
        var verdict = fields.Finish(!end, out var head);
        if (verdict == FieldsVerdict.Malformed || (fields.IsExtendedConnect && !Options.AllowConnect))
        {
            Worker.Stats.Increment(Stats.RxMessagingError);
            if (Options.EndsOnlyStreamOfInvalidMessage)
            {
                RefuseStream(id, Http2ErrorCode.ProtocolError);
            }
            else
            {
                Fail(Http2ErrorCode.ProtocolError, "the head of a request is malformed");
            }

            return;
        }

        if (TryRentForFields(Math.Max(head.Length, 1)) is not { } memory)
        {
            // Unlike what is too large in itself it may be sent again (RFC 9113 section 8.7), when some of the others have ended.
            Worker.Stats.Increment(Stats.StreamRefusedErrors);
            Worker.Stats.Increment(Stats.HeaderMemoryRefused);
            RefuseStream(id, Http2ErrorCode.RefusedStream);
            return;
        }

        head.CopyTo(memory.Bytes);
        var server = _spare ?? new ServerStream(this);
        if (_spare is not null)
        {
            _spare = server.Next;
            CacheLines.Prefetch(_spare, lines: 3);
            server.Next = null;
            _spareCount--;
        }

        var stream = OpenStream(id, server);
        stream.HasHead = true;
        stream.IsRemoteEnded = end;
        downstream.BeginExchange(server, stream, memory, head.Length, verdict == FieldsVerdict.TooLarge, fields.IsHttps);
        if (!fields.Priority.IsEmpty)
        {
            Prioritize(stream, fields.Priority);
        }

        if (_lastToStart is null)
        {
            _firstToStart = server;
        }
        else
        {
            _lastToStart.Next = server;
        }

        _lastToStart = server;
    }

    /// <inheritdoc/>
    protected override void OnFields(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        var fields = new TrailerComposer(Worker.Scratch, downstream.MaxHeadBytes);
        if (!Decode(block, ref fields))
        {
            return;
        }

        // Section 8.1: a second head must be trailers, and end the stream.
        var verdict = fields.Finish(out var lines);
        if (verdict == FieldsVerdict.TooLarge)
        {
            Worker.Stats.Increment(Stats.HeaderOverflow);
            ResetForPeer(stream, Http2ErrorCode.InternalError);
            return;
        }

        if (!end || verdict != FieldsVerdict.Good || stream.ExpectedBytes > 0)
        {
            OnMalformed(stream, "trailers are malformed");
            return;
        }

        Worker.Stats.Increment(Stats.Trailers);
        if (stream.Owner is ServerStream server && !lines.IsEmpty)
        {
            if (TryRentForFields(lines.Length) is not { } memory)
            {
                Worker.Stats.Increment(Stats.HeaderMemoryRefused);
                ResetForPeer(stream, Http2ErrorCode.EnhanceYourCalm);
                return;
            }

            server.TakeTrailers(memory, lines);
        }

        stream.TakeEnd();
    }

    /// <inheritdoc/>
    protected override void AfterFrames()
    {
        if (Unfinished != _unfinished && !IsOver)
        {
            _unfinished = Unfinished;
            downstream.OnUnfinished(_unfinished != 0);
        }

        // What came with a head in one piece is there by now.
        while (_firstToStart is { } server)
        {
            _firstToStart = server.Next;
            server.Next = null;
            if (_firstToStart is null)
            {
                _lastToStart = null;
            }

            downstream.Start(server);
        }
    }

    /// <inheritdoc/>
    protected override void OnSettings() => downstream.OnOpen();

    /// <inheritdoc/>
    protected override void OnPong(ulong data)
    {
        if (data == DrainPing)
        {
            EndDrain();
        }
    }

    /// <inheritdoc/>
    protected override void OnUnanswered() => downstream.Abandon();

    /// <inheritdoc/>
    protected override void OnIdle()
    {
        if (_lastTaken != FrameHeader.MaxStreamId)
        {
            End(byPeer: false);
        }
        else
        {
            downstream.OnIdle();
        }
    }
}

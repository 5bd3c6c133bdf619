using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.Http2;

/// <summary>The client's end of an HTTP/2 connection to an endpoint: its streams carry the exchanges of whoever asks, as many at once as both ends allow.</summary>
internal sealed class ClientConnection : Http2Connection
{
    private const int MaxSpare = 1024;

    /// <summary>
    /// Streams until the endpoint has said how many it takes. It refuses those beyond, and some servers end the connection for many of them. RFC 9113 section 6.5.2 advises servers to take no fewer;
    /// nghttp2, and so Envoy, assumes the same.
    /// </summary>
    private const uint StreamsBeforeSettings = 100;

    private readonly UpstreamConnection _carrier;
    private readonly int _maxHeadBytes;
    private ClientStream? _spare;
    private int _spareCount;
    private int _nextId = 1;
    private bool _isEnding;
    private readonly uint _assumedStreams;
    private bool _isGreeted;
    private readonly List<ClientStream> _awaitingSettings = [];

    /// <summary>Takes over a connection that stands.</summary>
    /// <param name="carrier">The connection.</param>
    /// <param name="options">Settings of our end.</param>
    /// <param name="stats">Where it counts.</param>
    /// <param name="assumedStreams">Streams that the endpoint is taken to allow before it says so: as many as on the connection before.</param>
    public ClientConnection(UpstreamConnection carrier, Http2Options options, Http2Stats stats, uint assumedStreams)
        : base(carrier.Connection, options, stats)
    {
        _assumedStreams = assumedStreams;
        _carrier = carrier;
        _maxHeadBytes = Math.Min(carrier.Endpoint.Cluster.Config.MaxResponseHeadBytes, BlockPool.Large);
    }

    /// <summary>The connection.</summary>
    public UpstreamConnection Carrier => _carrier;

    /// <summary>Streams under way.</summary>
    public int ActiveStreams { get; private set; }

    /// <summary>Streams opened over its life.</summary>
    public int TotalStreams { get; private set; }

    /// <summary>True where it takes another stream now.</summary>
    public bool HasRoom => IsUsable && ActiveStreams + OrphanedStreams < Math.Min(
        (uint)Options.MaxConcurrentStreams, _isGreeted ? Peer.MaxConcurrentStreams : Math.Clamp(_assumedStreams, 1, StreamsBeforeSettings));

    /// <summary>True while it takes streams at all.</summary>
    public bool IsUsable => !_isEnding && !IsOver && !HasGoneAway && !Connection.IsPeerClosed && !Connection.IsClosed && _nextId < FrameHeader.MaxStreamId - 1;

    /// <summary>What the endpoint is told that its streams' heads may have, in bytes.</summary>
    public int MaxHeadBytes => _maxHeadBytes;

    /// <summary>Streams that the endpoint allows at once, as far as it has said so.</summary>
    public uint AllowedStreams => Peer.MaxConcurrentStreams;

    /// <summary>True where the endpoint serves extended CONNECT (RFC 8441); null before its settings came.</summary>
    public bool? ServesExtendedConnect => _isGreeted ? Peer.EnableConnectProtocol : null;

    /// <inheritdoc/>
    protected override bool IsServer => false;

    /// <inheritdoc/>
    protected override long FlushTimeoutMs => 20_000;

    /// <inheritdoc/>
    protected override int LastOwnStreamId => _nextId - 2;

    /// <summary>Begins, and reads until the connection ends.</summary>
    public async LoopTask RunAsync()
    {
        ReadOnlySpan<(SettingId, uint)> settings =
        [
            (SettingId.EnablePush, 0),
            (SettingId.InitialWindowSize, (uint)Options.InitialStreamWindow),
            (SettingId.MaxHeaderListSize, (uint)_maxHeadBytes),
            (SettingId.HeaderTableSize, (uint)Options.HpackTableSize),
        ];
        WriteOpening(settings);
        BeginKeepalive();
        await ReadAsync();
        LoseWaiting();
        _carrier.EndShared();
    }

    /// <summary>
    /// Takes room for a stream; only where it <see cref="HasRoom"/>. The endpoint gets to know of it with the request's head: numbers must rise in the order in which heads
    /// go out (RFC 9113 section 5.1.1), which is not that in which room was taken.
    /// </summary>
    public ClientStream Open()
    {
        var client = _spare ?? new ClientStream(this);
        if (_spare is not null)
        {
            _spare = client.Next;
            client.Next = null;
            _spareCount--;
        }

        ActiveStreams++;
        TotalStreams++;
        client.Begin(PrepareStream(client));
        return client;
    }

    /// <summary>Gives a stream its number: its head goes out next. False where no more can go out.</summary>
    public bool TryNumber(Http2Stream stream)
    {
        // The question itself may be one frame too many for a peer that takes none.
        AskIfIdle();
        if (IsOver || HasGoneAway || Connection.IsPeerClosed || Connection.IsClosed || _nextId >= FrameHeader.MaxStreamId - 1)
        {
            return false;
        }

        OpenStream(stream, _nextId);
        _nextId += 2;
        return true;
    }

    /// <summary>A stream's head waits for the endpoint's settings; <see cref="ClientStream.OnSettings"/> is called with them.</summary>
    public void AwaitSettings(ClientStream client) => _awaitingSettings.Add(client);

    /// <summary>It waits no more.</summary>
    public void ForgetWaiting(ClientStream client) => _awaitingSettings.Remove(client);

    /// <summary>A stream's exchange has ended.</summary>
    public void Return(ClientStream client)
    {
        ActiveStreams--;
        if (_spareCount < MaxSpare)
        {
            client.Next = _spare;
            _spare = client;
            _spareCount++;
        }

        _carrier.OnStreamEnded();
        if (_isEnding && ActiveStreams == 0)
        {
            Finish();
        }
    }

    /// <summary>Takes no more streams, and ends with the last of them.</summary>
    public void EndAfterStreams()
    {
        if (_isEnding)
        {
            return;
        }

        _isEnding = true;
        if (ActiveStreams == 0)
        {
            Finish();
        }
        else
        {
            _carrier.OnUnusable();
        }
    }

    /// <summary>Nobody has used it for as long as it may be kept so.</summary>
    public void OnDeadline()
    {
        if (ActiveStreams == 0 && !_isEnding)
        {
            Worker.Stats.Increment(Carrier.Endpoint.Cluster.Stats.IdleTimeout);
            EndAfterStreams();
        }
    }

    /// <summary>Ends at once: what is under way is broken off.</summary>
    public void Abort() => End(byPeer: false);

    /// <summary>Gives back what it holds, once it is over.</summary>
    public void Release() => ReturnMemory();

    /// <inheritdoc/>
    protected override void OnNewStream(int id, ReadOnlySpan<byte> block, bool end) => Fail(Http2ErrorCode.ProtocolError, "a server opens no streams");

    /// <inheritdoc/>
    protected override void OnFields(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        var client = (ClientStream?)stream.Owner;
        if (client is null)
        {
            PassOver(block);
            if (end)
            {
                stream.TakeEnd();
            }

            return;
        }

        if (stream.HasHead)
        {
            TakeTrailers(stream, client, block, end);
            return;
        }

        var scratch = Worker.Scratch.AsSpan(0, _maxHeadBytes + 256);
        var fields = new ResponseComposer(scratch, _maxHeadBytes, client.Upgrade, client.IsConnect);
        if (!Decode(block, ref fields))
        {
            return;
        }

        var verdict = fields.Finish(!end, out var head);
        if (verdict == FieldsVerdict.TooLarge)
        {
            Worker.Stats.Increment(Stats.HeaderOverflow);
            client.Refuse("http2.headers_too_large");
            ResetForPeer(stream, Http2ErrorCode.InternalError);
        }
        else if (verdict == FieldsVerdict.Malformed || (fields.Status < 200 && end) || !client.TryTakeHead(head, fields.Status, end, fields.DeclaredLength))
        {
            client.Refuse("http2.violation.of.messaging.rule");
            OnMalformed(stream, "the head of a response is malformed");
        }
    }

    /// <inheritdoc/>
    protected override void OnOrphanClosed() => _carrier.OnStreamEnded();

    /// <inheritdoc/>
    protected override void OnInvalidMessage(Http2Stream stream) => (stream.Owner as ClientStream)?.Refuse("http2.violation.of.messaging.rule");

    /// <inheritdoc/>
    protected override void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        Worker.Stats.Increment(Carrier.Endpoint.Cluster.Stats.CloseNotify);

        // RFC 9113 section 6.8: streams behind the last one were not processed, and will not be.
        foreach (var stream in Streams)
        {
            if (stream.Id > lastStreamId && stream.ResetCode is null)
            {
                DropUnprocessed(stream);
            }
        }

        EndAfterStreams();
    }

    /// <inheritdoc/>
    protected override void OnSettings()
    {
        _isGreeted = true;
        while (_awaitingSettings is [.., var client])
        {
            _awaitingSettings.RemoveAt(_awaitingSettings.Count - 1);
            client.OnSettings();
        }

        _carrier.OnSettings();
    }

    private void LoseWaiting()
    {
        while (_awaitingSettings is [.., var client])
        {
            _awaitingSettings.RemoveAt(_awaitingSettings.Count - 1);
            client.LoseUnsent();
        }
    }

    private void TakeTrailers(Http2Stream stream, ClientStream client, ReadOnlySpan<byte> block, bool end)
    {
        var fields = new TrailerComposer(Worker.Scratch, _maxHeadBytes);
        if (!Decode(block, ref fields))
        {
            return;
        }

        var verdict = fields.Finish(out var lines);
        if (verdict == FieldsVerdict.TooLarge)
        {
            Worker.Stats.Increment(Stats.HeaderOverflow);
            client.Refuse("http2.headers_too_large");
            ResetForPeer(stream, Http2ErrorCode.InternalError);
            return;
        }

        if (!end || verdict != FieldsVerdict.Good || stream.ExpectedBytes > 0)
        {
            client.Refuse("http2.violation.of.messaging.rule");
            OnMalformed(stream, "trailers are malformed");
            return;
        }

        Worker.Stats.Increment(Stats.Trailers);
        client.TakeTrailers(lines);
        stream.TakeEnd();
    }

    private void Finish()
    {
        if (!IsOver)
        {
            SendGoAway(0, Http2ErrorCode.NoError);
            End(byPeer: false);
        }
    }
}

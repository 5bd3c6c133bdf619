using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>The client's end of an HTTP/2 connection for checks: one stream at a time.</summary>
internal sealed class ProbeConnection : Http2Connection, IHttp2StreamOwner
{
    private const int MaxHeadBytes = 60 * 1024;

    private readonly Action<Connection> _ended;
    private readonly ResponseParser _parser;
    private Block? _block;
    private bool _isClosed;
    private int _nextId = 1;

    /// <summary>Takes over a connection that stands.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="cluster">Whose endpoint it leads to.</param>
    /// <param name="ended">Told when the peer has ended it.</param>
    public ProbeConnection(Connection connection, ClusterState cluster, Action<Connection> ended)
        : base(connection, cluster.Config.Http2, cluster.Stats.Http2)
    {
        _ended = ended;
        _parser = new ResponseParser(Head) { MaxHeadBytes = BlockPool.Large };
    }

    /// <summary>The final head of the response; holds nothing before <see cref="HasHead"/>.</summary>
    public ResponseHead Head { get; } = new();

    /// <summary>True once the final head has come.</summary>
    public bool HasHead { get; private set; }

    /// <summary>The fields behind the body.</summary>
    public TrailerHead Trailers { get; } = new();

    /// <summary>The stream of the check under way; null for none.</summary>
    public Http2Stream? Stream { get; private set; }

    /// <summary>True where the endpoint went away between two checks, or without having looked at the one under way (RFC 9113 section 6.8).</summary>
    public bool HasLeftBehind { get; private set; }

    /// <summary>True where another check may follow.</summary>
    public bool IsUsable => !IsOver && !HasGoneAway && !Connection.IsPeerClosed && !Connection.IsClosed && _nextId < FrameHeader.MaxStreamId - 1;

    /// <inheritdoc/>
    protected override long FlushTimeoutMs => 20_000;

    /// <inheritdoc/>
    protected override bool IsServer => false;

    /// <inheritdoc/>
    protected override int LastOwnStreamId => _nextId - 2;

    /// <summary>Begins, and reads until the connection ends.</summary>
    public async LoopTask RunAsync()
    {
        WriteOpening([(SettingId.EnablePush, 0), (SettingId.InitialWindowSize, (uint)Options.InitialStreamWindow), (SettingId.HeaderTableSize, (uint)Options.HpackTableSize)]);
        await ReadAsync();
        if (!_isClosed)
        {
            _ended(Connection);
        }
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">What the pseudo-header fields say.</param>
    /// <param name="lines">Its fields as lines, each with its line end.</param>
    /// <param name="body">Its body; empty for none.</param>
    public Http2Stream Ask(in RequestPseudoFields request, ReadOnlySpan<byte> lines, ReadOnlySpan<byte> body)
    {
        Forget();
        var stream = Stream = OpenStream(_nextId, this);
        _nextId += 2;
        SendRequest(stream, request, lines, end: body.IsEmpty);
        if (!body.IsEmpty)
        {
            stream.Send(body, end: true);
        }

        return stream;
    }

    /// <summary>The check has ended, in whatever state it is.</summary>
    public void Forget()
    {
        if (Stream is { } stream)
        {
            Stream = null;
            stream.Consume();
            stream.Release();
        }

        HasHead = false;
        Trailers.Return(Worker.Blocks);
        if (_block is { } block)
        {
            _block = null;
            Worker.Blocks.Return(block);
        }
    }

    /// <summary>Ends at once, and gives back what it holds.</summary>
    public void Close()
    {
        _isClosed = true;
        SendGoAway(0, Http2ErrorCode.NoError);
        End(byPeer: false);
        Forget();
        ReturnMemory();
    }

    void IHttp2StreamOwner.OnDeadline(Http2Stream stream)
    {
    }

    void IHttp2StreamOwner.OnReset(Http2Stream stream)
    {
    }

    /// <inheritdoc/>
    protected override void OnNewStream(int id, ReadOnlySpan<byte> block, bool end) => Fail(Http2ErrorCode.ProtocolError, "a server opens no streams");

    /// <inheritdoc/>
    protected override void OnFields(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        if (stream != Stream)
        {
            PassOver(block);
            if (end)
            {
                stream.TakeEnd();
            }
        }
        else if (stream.HasHead)
        {
            TakeTrailers(stream, block, end);
        }
        else
        {
            TakeHead(stream, block, end);
        }
    }

    /// <inheritdoc/>
    protected override void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        if (Stream is not { } stream)
        {
            HasLeftBehind = true;
        }
        else if (stream.Id > lastStreamId && stream.ResetCode is null)
        {
            HasLeftBehind = true;
            DropUnprocessed(stream);
        }
    }

    private void TakeHead(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        var fields = new ResponseComposer(Worker.Scratch.AsSpan(0, MaxHeadBytes + 256), MaxHeadBytes, default);
        if (!Decode(block, ref fields))
        {
            return;
        }

        if (fields.Finish(!end, out var head) != FieldsVerdict.Good || (fields.Status < 200 && end))
        {
            OnMalformed(stream, "the head of a response is malformed");
            return;
        }

        if (fields.Status < 200)
        {
            return;
        }

        _block = Worker.Blocks.Rent(head.Length);
        head.CopyTo(_block.Bytes);
        _parser.Begin(0);
        if (_parser.Parse(_block.Bytes, head.Length) != ParseStatus.Done)
        {
            OnMalformed(stream, "the head of a response is malformed");
            return;
        }

        HasHead = stream.HasHead = true;
        if (end)
        {
            stream.TakeEnd();
        }

        stream.Wake();
    }

    private void TakeTrailers(Http2Stream stream, ReadOnlySpan<byte> block, bool end)
    {
        var fields = new TrailerComposer(Worker.Scratch, MaxHeadBytes);
        if (!Decode(block, ref fields))
        {
            return;
        }

        if (!end || fields.Finish(out var lines) != FieldsVerdict.Good)
        {
            OnMalformed(stream, "trailers are malformed");
            return;
        }

        Trailers.Keep(Worker.Blocks, lines);
        stream.TakeEnd();
    }
}

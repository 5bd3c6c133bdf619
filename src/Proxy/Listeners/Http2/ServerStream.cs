using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http2;

/// <summary>The exchange that one stream of an HTTP/2 client connection carries. Used again and again by its connection.</summary>
internal sealed class ServerStream(ServerConnection connection) : DownstreamStream, IHttp2StreamOwner
{
    private Exchange _exchange = null!;
    private Http2Stream _io = null!;
    private Block? _head;
    private BodyFraming _requestFraming;
    private int _bufferedBody;
    private bool _isRequestBuffered;
    private bool _isBodyDropped;
    private bool _isUpgrade;
    private bool _isTunnel;
    private bool _isEndTaken;

    /// <summary>Next of the connection's spare ones, or of those that wait for their turn.</summary>
    public ServerStream? Next { get; set; }

    /// <summary>The exchange.</summary>
    public Exchange Exchange => _exchange;

    /// <summary>Bytes of bodies that the exchange holds; 0 where there is none.</summary>
    public int HeldBytes => _exchange is { } exchange ? exchange.HeldBytes : 0;

    /// <summary>Why its head is refused.</summary>
    public Http1Error Refusal { get; private set; }

    /// <inheritdoc/>
    public override Connection Connection => connection.Connection;

    /// <inheritdoc/>
    public override LoopStream Io => _io;

    /// <inheritdoc/>
    public override bool IsHttp2 => true;

    /// <inheritdoc/>
    public override int ReadSize => _io.SendableBytes;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> RequestedServerName => connection.Downstream.RequestedServerName;

    /// <inheritdoc/>
    public override bool IsMisdirected(ReadOnlySpan<byte> authority) => connection.Downstream.Authorities?.IsMisdirected(authority) == true;

    /// <inheritdoc/>
    public override bool IsRequestComplete => _isUpgrade && !_isTunnel ? true : _isRequestBuffered || _isEndTaken;

    /// <inheritdoc/>
    public override bool IsRequestBuffered => _isRequestBuffered;

    /// <inheritdoc/>
    public override BodyFraming RequestFraming => _requestFraming;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> BufferedBody => _bufferedBody > 0 ? _io.Peek() : default;

    /// <inheritdoc/>
    public override TrailerHead? RequestTrailers => _trailers is { FieldCount: > 0 } trailers && !_isBodyDropped ? trailers : null;

    private TrailerHead? _trailers;

    /// <summary>Takes on a stream and the head that came on it.</summary>
    public void Begin(Exchange exchange, Http2Stream io, Block head)
    {
        _exchange = exchange;
        _io = io;
        _head = head;
        _bufferedBody = 0;
        _isRequestBuffered = _isBodyDropped = _isUpgrade = _isTunnel = _isEndTaken = false;
        Refusal = Http1Error.None;
        _requestFraming = BodyFraming.None;
        _trailers?.Reset();
    }

    /// <summary>The head was read; what of the body came with it is there.</summary>
    public void BeginRequest()
    {
        _requestFraming = _exchange.Parser.Framing;
        _isUpgrade = _exchange.Parser.WantsUpgrade || _exchange.Request.IsConnect;
        if (_io.IsRemoteEnded && !_isUpgrade && _io.Peek().Length == _io.Unread && RequestTrailers is null)
        {
            _bufferedBody = _io.Unread;
            _exchange.RequestBodyWireBytes = _bufferedBody;
            _isRequestBuffered = true;
        }
    }

    /// <summary>The head is refused: it only gets an answer.</summary>
    public void BeginRefused(Http1Error error) => Refusal = error;

    /// <summary>Tells the client to go on with the body that it has announced (RFC 9110 section 10.1.1).</summary>
    public void SendContinue() => SendFields(100, "HTTP/1.1 100 Continue\r\n"u8, end: false);

    /// <summary>The fields behind the request's body have come.</summary>
    /// <param name="block">Memory of the connection that they are to stand in.</param>
    /// <param name="lines">Lines of the form <c>name: value</c>, each with its line end.</param>
    public void TakeTrailers(Block block, ReadOnlySpan<byte> lines) => (_trailers ??= new TrailerHead()).Keep(block, lines);

    /// <summary>The exchange has ended.</summary>
    public void End()
    {
        if (_isRequestBuffered)
        {
            _io.Read();
            _io.Consume();
        }

        if (_head is { } head)
        {
            _head = null;
            connection.ReturnFields(head);
        }

        if (_trailers?.Take() is { } trailers)
        {
            connection.ReturnFields(trailers);
        }

        _io.Release();
        _io = null!;
        _exchange = null!;
    }

    /// <inheritdoc/>
    public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_isRequestBuffered)
        {
            return DownstreamRead.Ready;
        }

        if (_io.ResetCode is not null)
        {
            return DownstreamRead.Disconnected;
        }

        payload = _io.Read();
        _isEndTaken = _io.IsRemoteEnded && _io.Unread == 0;
        _exchange.RequestBodyWireBytes += payload.Length;
        return !payload.IsEmpty || _io.IsRemoteEnded ? DownstreamRead.Ready : DownstreamRead.NeedMore;
    }

    /// <inheritdoc/>
    public override void DropRequestBody()
    {
        _requestFraming = BodyFraming.None;
        _bufferedBody = 0;
        _isRequestBuffered = _isBodyDropped = true;
    }

    /// <inheritdoc/>
    public override void SendInterim(ResponseHead head)
    {
        var writer = new ByteWriter(Connection.Worker.Scratch);
        ResponseHeadWriter.WriteInterim(ref writer, head, _exchange.UpstreamFieldsEnd);
        _exchange.ResponseHeadBytes += writer.Length;
        SendFields(head.Status, writer.Written, end: false);
    }

    /// <inheritdoc/>
    public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end)
    {
        exchange.Status = response.Head.Status;
        var mutations = ResponseComposition.MutationsOf(exchange, response.Head);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, exchange.UpstreamFieldsEnd + mutations.MaxLength));
        if (exchange.Upgrade.IsAgreedBy(response.Head.Status))
        {
            // RFC 8441 section 5: what HTTP/1.1 says with 101, HTTP/2 says with 200.
            ResponseHeadWriter.WriteAgreement(ref writer, exchange, response.Head, mutations);
            exchange.Status = 200;
            exchange.NoteResponseHead(writer.Written);
            SendFields(200, writer.Written, end: false);
            return;
        }

        var framing = response.Framing.Kind == BodyKind.ContentLength ? response.Framing : BodyFraming.None;
        ResponseHeadWriter.Write(ref writer, exchange, response, mutations, framing, close: false);
        exchange.NoteResponseHead(writer.Written);
        SendFields(response.Head.Status, writer.Written, end && payload.IsEmpty);
        if (!payload.IsEmpty)
        {
            _io.Send(payload, end);
        }
    }

    /// <inheritdoc/>
    public override void SendBody(ReadOnlySpan<byte> payload, bool end)
    {
        if (!payload.IsEmpty || end)
        {
            _io.Send(payload, end);
        }
    }

    /// <inheritdoc/>
    public override void SendTrailers(TrailerHead trailers) => _io.SendTrailers(trailers.Lines);

    /// <inheritdoc/>
    public override void SendConnected(Exchange exchange)
    {
        exchange.Status = 200;
        var mutations = ResponseComposition.LocalMutationsOf(exchange, hasBody: false);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, mutations.MaxLength));
        ResponseHeadWriter.WriteConnected(ref writer, exchange, mutations);
        exchange.NoteResponseHead(writer.Written);
        SendFields(200, writer.Written, end: false);
    }

    /// <inheritdoc/>
    public override void BeginTunnel() => _isTunnel = true;

    /// <inheritdoc/>
    public override void SendLocalReply(Exchange exchange, in LocalReply reply)
    {
        exchange.Status = reply.Status;
        exchange.BytesSent = exchange.IsHead ? 0 : reply.Body.Length;
        var mutations = ResponseComposition.LocalMutationsOf(exchange, !reply.Body.IsEmpty);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, mutations.MaxLength + reply.Body.Length + reply.ExtraLines.Length));
        ResponseHeadWriter.WriteLocal(ref writer, exchange, reply, mutations, close: false);
        exchange.NoteLocalReply(reply, writer.Written);
        var text = writer.Written;
        var head = text[..(text.IndexOf("\r\n\r\n"u8) + 4)];
        var body = text[head.Length..];
        SendFields(reply.Status, head, body.IsEmpty);
        if (!body.IsEmpty)
        {
            _io.Send(body, end: true);
        }
    }

    /// <inheritdoc/>
    public override void CutResponse() => _io.Reset(
        _exchange.Abort == AbortReason.ClientGone ? Http2ErrorCode.Cancel
        : _exchange.Abort == AbortReason.Overload ? Http2ErrorCode.EnhanceYourCalm
        : _exchange.Abort == AbortReason.UpstreamGone && _isTunnel ? Http2ErrorCode.ConnectError
        : Http2ErrorCode.InternalError);

    void IHttp2StreamOwner.OnDeadline(Http2Stream stream) => connection.Downstream.OnStreamDeadline(_exchange);

    void IHttp2StreamOwner.OnReset(Http2Stream stream) => _exchange.AbortWith(AbortReason.ClientGone);

    private void SendFields(int status, ReadOnlySpan<byte> head, bool end)
    {
        var lines = head[(head.IndexOf("\r\n"u8) + 2)..];
        _io.Connection.SendResponse(_io, status, lines, end);
    }
}

using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.Http2;

/// <summary>One attempt on a stream of an HTTP/2 connection to an endpoint. Used again and again by its connection.</summary>
internal sealed partial class ClientStream : UpstreamStream, IHttp2StreamOwner
{
    /// <summary>Heads that may wait to be read: interim ones are passed on as they come.</summary>
    private const int MaxWaitingHeads = 20;

    private readonly ClientConnection _connection;
    private readonly ResponseParser _parser;
    private readonly TrailerHead _trailers = new();
    private Http2Stream _io = null!;
    private Block? _firstHead;
    private Block? _lastHead;
    private int _waitingHeads;
    private Block? _head;
    private byte[] _upgrade = [];
    private string _refusal = "";
    private bool _hasAnswered;
    private StreamLoss _loss;
    private Block? _waitingRequest;
    private int _waitingRequestLength;
    private bool _isHttps;
    private bool _isRefusedHere;
    private bool _isHeadRequest;
    private bool _isEndTaken;

    /// <summary>Makes one for a connection.</summary>
    public ClientStream(ClientConnection connection)
    {
        _connection = connection;
        var limits = connection.Carrier.Endpoint.Cluster.Config;
        _parser = new ResponseParser(Head) { MaxHeadBytes = BlockPool.Large, MaxFields = limits.MaxResponseFields };
    }

    /// <summary>Next of the connection's spare ones.</summary>
    public ClientStream? Next { get; set; }

    /// <summary>The protocol that was asked for by extended CONNECT; empty for none.</summary>
    public ReadOnlySpan<byte> Upgrade => _upgrade;

    /// <summary>True where the request is a CONNECT, of either kind: a 2xx agrees to a tunnel.</summary>
    public bool IsConnect { get; private set; }

    /// <inheritdoc/>
    public override LoopStream Io => _io;

    /// <inheritdoc/>
    public override UpstreamConnection Carrier => _connection.Carrier;

    /// <inheritdoc/>
    public override bool IsMultiplexed => true;

    /// <inheritdoc/>
    public override bool IsUnanswered => !_hasAnswered;

    /// <inheritdoc/>
    public override int HeadEnd => _parser.HeadEnd;

    /// <inheritdoc/>
    public override long DeclaredLength => _parser.DeclaredLength;

    /// <inheritdoc/>
    public override TrailerHead? Trailers => _trailers.FieldCount > 0 ? _trailers : null;

    /// <inheritdoc/>
    public override string ProtocolErrorDetails => _refusal.Length > 0 ? _refusal : ResponseErrors.Details(_parser.Error);

    /// <inheritdoc/>
    public override bool HasUnreadInput => false;

    /// <inheritdoc/>
    public override bool IsResponseComplete => _isEndTaken;

    /// <summary>Takes on a stream.</summary>
    public void Begin(Http2Stream io)
    {
        _io = io;
        _upgrade = [];
        _refusal = "";
        _loss = StreamLoss.ConnectionEnded;
        _hasAnswered = _isRefusedHere = _isEndTaken = false;
    }

    /// <inheritdoc/>
    public override void BeginExchange()
    {
        FirstByteMs = 0;
        Framing = BodyFraming.None;
        Head.Reset();
    }

    /// <inheritdoc/>
    public override void SendRequest(ref ByteWriter head, BodyFraming framing, ReadOnlySpan<byte> body, bool end, ReadOnlySpan<byte> scheme)
    {
        var hasBody = framing.Kind == BodyKind.Chunked || framing.Length > 0;
        if ((hasBody || _connection.ServesExtendedConnect is not true) && !FieldOf(head.Written, "upgrade:"u8).IsEmpty)
        {
            if (hasBody)
            {
                // What follows an extended CONNECT is the tunnel (RFC 8441 section 4): a body in front of it has no place.
                Lose("http2.extended_connect_with_body");
                return;
            }

            _isHttps = scheme.SequenceEqual("https"u8);
            AwaitSettings(head.Written);
            return;
        }

        if (!_connection.TryNumber(_io))
        {
            LoseUnsent();
            return;
        }

        SendNumbered(head.Written, body, end, scheme);
    }

    /// <summary>The endpoint's settings have come, for which the head has waited.</summary>
    public void OnSettings()
    {
        var text = _waitingRequest!;
        _waitingRequest = null;
        if (_connection.ServesExtendedConnect is not true)
        {
            Lose(NotServed);
        }
        else if (!_connection.TryNumber(_io))
        {
            LoseUnsent();
        }
        else
        {
            SendNumbered(text.Bytes.AsSpan(0, _waitingRequestLength), default, end: false, _isHttps ? "https"u8 : "http"u8);
        }

        _io.Worker.Blocks.Return(text);
    }

    private void AwaitSettings(ReadOnlySpan<byte> head)
    {
        if (_connection.ServesExtendedConnect is false)
        {
            Lose(NotServed);
            return;
        }

        if (_connection.IsOver)
        {
            LoseUnsent();
            return;
        }

        _waitingRequest = _io.Worker.Blocks.Rent(head.Length);
        _waitingRequestLength = head.Length;
        head.CopyTo(_waitingRequest.Bytes);
        _connection.AwaitSettings(this);
    }

    private void SendNumbered(ReadOnlySpan<byte> text, ReadOnlySpan<byte> body, bool end, ReadOnlySpan<byte> scheme)
    {
        var lineEnd = text.IndexOf("\r\n"u8);
        var line = text[..lineEnd];
        var lines = text[(lineEnd + 2)..];
        var method = line[..line.IndexOf((byte)' ')];
        var target = line[(method.Length + 1)..line.LastIndexOf((byte)' ')];
        var authority = FieldOf(lines, "host:"u8);
        _isHeadRequest = method.SequenceEqual("HEAD"u8);
        IsConnect = method.SequenceEqual("CONNECT"u8);
        if (IsConnect)
        {
            end = false;
            _connection.SendRequest(_io, new RequestPseudoFields { Method = method, Authority = target }, lines, end: false);
        }
        else if (FieldOf(lines, "upgrade:"u8) is { IsEmpty: false } protocol)
        {
            _upgrade = protocol.ToArray();
            IsConnect = true;
            end = false;
            var request = new RequestPseudoFields { Method = "CONNECT"u8, Scheme = scheme, Authority = authority, Path = target, Protocol = protocol };
            _connection.SendRequest(_io, request, lines, end: false);
        }
        else
        {
            var request = new RequestPseudoFields { Method = method, Scheme = scheme, Authority = authority, Path = target };
            _connection.SendRequest(_io, request, lines, end && body.IsEmpty);
        }

        if (!body.IsEmpty)
        {
            _io.Send(body, end);
        }
    }

    /// <inheritdoc/>
    public override bool SendBody(BodyFraming framing, ReadOnlySpan<byte> payload, bool end) => (payload.IsEmpty && !end) || _io.Send(payload, end);

    /// <inheritdoc/>
    public override void SendTrailers(BodyFraming framing, TrailerHead trailers) => _io.SendTrailers(trailers.Lines);

    /// <summary>A head has come. False where it breaks the rules of messages.</summary>
    /// <param name="head">The head, as HTTP/1.1 would have it.</param>
    /// <param name="status">Its status.</param>
    /// <param name="end">True where nothing follows.</param>
    /// <param name="declaredLength">The length that it declares; -1 for none.</param>
    public bool TryTakeHead(ReadOnlySpan<byte> head, int status, bool end, long declaredLength)
    {
        if (status >= 200 && (declaredLength >= 0 || !MayHaveBody(status)))
        {
            _io.ExpectedBytes = MayHaveBody(status) ? declaredLength : 0;
        }

        // Section 8.1.1: a length that contradicts the end.
        if (++_waitingHeads > MaxWaitingHeads || (end && _io.ExpectedBytes > 0))
        {
            return false;
        }

        var block = _io.Worker.Blocks.Rent(head.Length);
        head.CopyTo(block.Bytes);
        if (_lastHead is null)
        {
            _firstHead = block;
            FirstByteMs = FirstByteMs == 0 ? _io.Worker.NowMs : FirstByteMs;
        }
        else
        {
            _lastHead.Next = block;
        }

        _lastHead = block;
        _hasAnswered = true;
        _io.HasHead = status >= 200;
        if (end)
        {
            _io.TakeEnd();
        }

        _io.Wake();
        return true;
    }

    /// <summary>The fields behind the body have come.</summary>
    public void TakeTrailers(ReadOnlySpan<byte> lines) => _trailers.Keep(_io.Worker.Blocks, lines);

    /// <summary>What came is no response.</summary>
    public void Refuse(string details)
    {
        _refusal = details;
        _isRefusedHere = true;
    }

    /// <inheritdoc/>
    public override UpstreamRead TryReadHead()
    {
        if (_isRefusedHere)
        {
            return UpstreamRead.Malformed;
        }

        if (_firstHead is not { } block)
        {
            return _io.ResetCode is not null ? UpstreamRead.Disconnected : UpstreamRead.NeedMore;
        }

        _firstHead = block.Next;
        block.Next = null;
        _waitingHeads--;
        if (_firstHead is null)
        {
            _lastHead = null;
        }

        ReturnHead();
        _head = block;
        _parser.Begin(0);
        return _parser.Parse(block.Bytes, block.Size) == ParseStatus.Done ? UpstreamRead.Ready : UpstreamRead.Malformed;
    }

    /// <inheritdoc/>
    public override void NextHead() => FirstByteMs = _firstHead is null ? 0 : _io.Worker.NowMs;

    /// <inheritdoc/>
    public override void BeginBody(bool isHead)
    {
        Framing = _parser.Framing(isHead);
        if (_io.IsRemoteEnded && _io.Unread == 0 && Framing.Kind is BodyKind.UntilClose or BodyKind.Chunked)
        {
            // What is empty says so, as Envoy has it: an HTTP/1 client would wait for more otherwise.
            Framing = Trailers is null ? new BodyFraming(BodyKind.ContentLength, 0) : BodyFraming.Chunked;
        }
    }

    /// <inheritdoc/>
    public override void BeginTunnel() => Framing = BodyFraming.UntilClose;

    /// <inheritdoc/>
    public override UpstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_isRefusedHere)
        {
            return UpstreamRead.Malformed;
        }

        if (_io.Unread == 0 && _io.ResetCode is not null && !_io.IsRemoteEnded)
        {
            return UpstreamRead.Disconnected;
        }

        // The end is one only once it was read: who waits for more must come to see it, and what goes with it.
        payload = _io.Read(MaxRead);
        _isEndTaken = _io.IsRemoteEnded && _io.Unread == 0;
        return payload.IsEmpty && !_io.IsRemoteEnded ? UpstreamRead.NeedMore : UpstreamRead.Ready;
    }

    /// <inheritdoc/>
    public override byte[] FindTransportFailure() => Carrier.FindTransportFailure();

    /// <inheritdoc/>
    public override void DropHead() => ReturnHead();

    /// <inheritdoc/>
    public override void Release()
    {
        ReturnHead();
        if (_waitingRequest is { } waiting)
        {
            _waitingRequest = null;
            _connection.ForgetWaiting(this);
            _io.Worker.Blocks.Return(waiting);
        }

        while (_firstHead is { } block)
        {
            _firstHead = block.Next;
            block.Next = null;
            _io.Worker.Blocks.Return(block);
        }

        _lastHead = null;
        _waitingHeads = 0;
        _trailers.Return(_io.Worker.Blocks);
        if (_io is { IsRemoteEnded: false, PendingOutput: > 0 })
        {
            // Nobody wants the answer, so that nothing needs what is left of the request.
            _io.Reset(Http2ErrorCode.Cancel);
        }

        _io.Consume();
        _io.Release();
        _connection.Return(this);
    }

    /// <inheritdoc/>
    public override void Close(bool reset = false)
    {
        _io.Reset(Http2ErrorCode.Cancel);
        Release();
    }

    void IHttp2StreamOwner.OnDeadline(Http2Stream stream)
    {
    }

    private bool MayHaveBody(int status) => !_isHeadRequest && status is not (204 or 304);

    private void ReturnHead()
    {
        if (_head is { } block)
        {
            _head = null;
            _io.Worker.Blocks.Return(block);
        }
    }

    private static ReadOnlySpan<byte> FieldOf(ReadOnlySpan<byte> lines, ReadOnlySpan<byte> name)
    {
        while (!lines.IsEmpty)
        {
            var length = lines.IndexOf("\r\n"u8);
            if (lines.StartsWith(name))
            {
                return lines[name.Length..length].Trim(" \t"u8);
            }

            lines = lines[(length + 2)..];
        }

        return default;
    }
}

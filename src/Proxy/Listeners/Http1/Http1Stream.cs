using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>The exchange that an HTTP/1 client connection carries now: takes the framing off the request's body and frames the response. One a connection, used again and again.</summary>
/// <param name="owner">The connection.</param>
/// <param name="input">What it has received.</param>
/// <param name="trailerReader">Gathers the fields behind requests' bodies; null where trailers are carried in neither direction.</param>
internal sealed class Http1Stream(DownstreamHttp1 owner, Http1Input input, TrailerReader? trailerReader) : DownstreamStream
{
    private const int CopyLimit = 16 * 1024;
    private const int MaxChunkedRead = 64 * 1024;

    private Exchange _exchange = null!;
    private BodyDecoder _body;
    private BodyFraming _requestFraming;
    private Slice _bufferedBody;
    private bool _isRequestBuffered;
    private BodyFraming _responseFraming;

    public override Connection Connection => owner.Connection;

    public override ReadOnlySpan<byte> RequestedServerName => owner.RequestedServerName;

    public override bool IsMisdirected(ReadOnlySpan<byte> authority) => owner.Authorities?.IsMisdirected(authority) == true;

    public override bool IsRequestComplete => _body.IsComplete;

    public override bool IsRequestBuffered => _isRequestBuffered;

    public override BodyFraming RequestFraming => _requestFraming;

    public override TrailerHead? RequestTrailers => trailerReader?.Fields;

    public override bool TakesPayloadAsItIs => _responseFraming.Kind != BodyKind.Chunked;

    public override ReadOnlySpan<byte> BufferedBody =>
        _bufferedBody.IsEmpty ? default : input.Bytes.AsSpan(_bufferedBody.Offset, _bufferedBody.Length);

    /// <summary>True where the connection ends with this response.</summary>
    public bool ClosesConnection { get; private set; }

    /// <summary>True where only a reset shows the client that the response is not whole.</summary>
    public bool MustReset { get; private set; }

    /// <summary>Takes on an exchange whose head stands at the front of the input; the framing is taken off what arrived behind it.</summary>
    /// <returns>What is wrong with the body so far.</returns>
    public Http1Error Begin(Exchange exchange)
    {
        _exchange = exchange;
        _requestFraming = exchange.Parser.Framing;
        _body = BodyDecoder.For(_requestFraming, trailerReader);
        input.Start = exchange.Parser.HeadEnd;
        _bufferedBody = default;
        _responseFraming = BodyFraming.None;
        ClosesConnection = exchange.Parser.WantsClose;
        if (!_body.IsComplete && !input.IsEmpty)
        {
            var length = _body.Decode(input.Unused, out var consumed);
            exchange.RequestBodyWireBytes += consumed;
            _bufferedBody = new Slice(input.Start, length);
            input.Start += consumed;
        }

        _isRequestBuffered = _body.IsComplete;
        return _body.Error;
    }

    /// <summary>Takes on an exchange whose head is refused: it only gets an answer, which ends the connection.</summary>
    public void BeginRefused(Exchange exchange)
    {
        _exchange = exchange;
        _body = default;
        _requestFraming = _responseFraming = BodyFraming.None;
        _bufferedBody = default;
        ClosesConnection = true;
        trailerReader?.Reset();
    }

    /// <summary>The exchange has ended. A request that was not read to its end leaves the connection out of step.</summary>
    public void End()
    {
        ClosesConnection |= !_body.IsComplete;
        trailerReader?.Reset();
        _exchange = null!;
    }

    public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_body.IsComplete)
        {
            return DownstreamRead.Ready;
        }

        if (_exchange.IsTunnel && !input.IsEmpty)
        {
            // What came before the tunnel was agreed, and was held back until then.
            payload = input.Unused;
            input.Start = input.End;
            _exchange.RequestBodyWireBytes += payload.Length;
            return DownstreamRead.Ready;
        }

        // Never more than the body where its end is known, and never more than a block can keep behind the head where it is not: what
        // follows is the next request.
        var room = _body.Remaining >= 0
            ? (int)Math.Min(_body.Remaining, Connection.Worker.ReadLimit)
            : _exchange.IsTunnel ? Connection.Worker.ReadLimit
            : Math.Min(MaxChunkedRead, BlockPool.Large - _exchange.Parser.HeadEnd);
        var buffer = Connection.Worker.ReceiveBuffer.AsSpan(0, room);
        var count = Connection.Receive(buffer);
        if (count == Connection.WouldBlock)
        {
            return DownstreamRead.NeedMore;
        }

        if (count == Connection.EndOfStream)
        {
            _body.EndOfStream();
        }

        if (count <= 0)
        {
            return _body.IsComplete ? DownstreamRead.Ready : DownstreamRead.Disconnected;
        }

        var length = _body.Decode(buffer[..count], out var consumed);
        _exchange.RequestBodyWireBytes += consumed;
        if (_body.Error != Http1Error.None)
        {
            return DownstreamRead.Malformed;
        }

        if (consumed < count)
        {
            // The head at the front of the block is still needed for the log. The body that came with it has been sent by now, and a request
            // with more body than that is never sent again.
            input.Keep(_exchange.Parser.HeadEnd, buffer[consumed..count]);
            _exchange.Request.Bytes = input.Bytes;
            _bufferedBody = default;
        }

        payload = buffer[..length];
        return DownstreamRead.Ready;
    }

    public override void DropRequestBody()
    {
        _requestFraming = BodyFraming.None;
        _bufferedBody = default;
        _isRequestBuffered = true;
        trailerReader?.Reset();
    }

    public override void SendInterim(ResponseHead head)
    {
        var writer = new ByteWriter(Connection.Worker.Scratch);
        ResponseHeadWriter.WriteInterim(ref writer, head, _exchange.UpstreamFieldsEnd);
        _exchange.ResponseHeadBytes += writer.Length;
        Connection.Send(writer.Written);
    }

    public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end)
    {
        exchange.Status = response.Head.Status;
        if (exchange.Upgrade.IsAgreedBy(response.Head.Status))
        {
            SendAgreement(exchange, response.Head);
            return;
        }

        _responseFraming = ClientFraming(response.Framing);
        ClosesConnection |= MustCloseAfter(end) || _responseFraming.Kind == BodyKind.UntilClose;

        var mutations = ResponseComposition.MutationsOf(exchange, response.Head);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, exchange.UpstreamFieldsEnd + mutations.MaxLength + CopyLimit + ChunkWriter.MaxOverhead));
        ResponseHeadWriter.Write(ref writer, exchange, response, mutations, _responseFraming, ClosesConnection);
        exchange.NoteResponseHead(writer.Written);
        if (payload.Length > CopyLimit)
        {
            if (_responseFraming.Kind == BodyKind.Chunked)
            {
                Connection.Send(writer.Written);
                SendBody(payload, end);
            }
            else
            {
                Connection.Send(writer.Written, payload);
            }

            return;
        }

        if (_responseFraming.Kind == BodyKind.Chunked)
        {
            ChunkWriter.Write(ref writer, payload, end);
        }
        else
        {
            writer.Write(payload);
        }

        Connection.Send(writer.Written);
    }

    public override void SendBody(ReadOnlySpan<byte> payload, bool end)
    {
        if (_responseFraming.Kind == BodyKind.Chunked)
        {
            ChunkWriter.Send(Connection, payload, end, 4 * CopyLimit);
        }
        else if (!payload.IsEmpty)
        {
            Connection.Send(payload);
        }
    }

    public override void SendTrailers(TrailerHead trailers)
    {
        if (trailerReader is null || _responseFraming.Kind != BodyKind.Chunked)
        {
            SendBody(default, end: true);
        }
        else
        {
            ChunkWriter.SendTrailers(Connection, trailers.Lines);
        }
    }

    public override void SendConnected(Exchange exchange)
    {
        exchange.Status = 200;
        var mutations = ResponseComposition.LocalMutationsOf(exchange, hasBody: false);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, mutations.MaxLength));
        ResponseHeadWriter.WriteConnected(ref writer, exchange, mutations);
        exchange.NoteResponseHead(writer.Written);
        Connection.Send(writer.Written);
    }

    public override void BeginTunnel()
    {
        _body = BodyDecoder.For(BodyFraming.UntilClose);
        _responseFraming = BodyFraming.UntilClose;
        ClosesConnection = true;
    }

    public override void SendLocalReply(Exchange exchange, in LocalReply reply)
    {
        exchange.Status = reply.Status;
        exchange.BytesSent = exchange.IsHead ? 0 : reply.Body.Length;
        ClosesConnection |= MustCloseAfter(end: true);
        var mutations = ResponseComposition.LocalMutationsOf(exchange, !reply.Body.IsEmpty);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, mutations.MaxLength + reply.Body.Length + reply.ExtraLines.Length));
        ResponseHeadWriter.WriteLocal(ref writer, exchange, reply, mutations, ClosesConnection);
        exchange.NoteLocalReply(reply, writer.Written);
        Connection.Send(writer.Written);
    }

    public override void CutResponse()
    {
        ClosesConnection = true;

        // A length or a missing last chunk tells the client; only a body that ends with the connection needs a reset to show the cut.
        // A tunnel that merely took too long ends in order.
        // One who does not take what waits for him would not see the end behind it either, and the kernel would keep all of it for him.
        var isTimeOut = _exchange.Abort is AbortReason.IdleTimeout or AbortReason.MaxDuration or AbortReason.StreamDuration;
        MustReset = _exchange.IsResponseStarted && !(_exchange.IsTunnel && isTimeOut)
            && (_responseFraming.Kind == BodyKind.UntilClose
                || (Connection.PendingOutput > 0 && (isTimeOut || _exchange.Abort is AbortReason.SlowReader or AbortReason.RouteTimeout or AbortReason.Overload)));
    }

    private void SendAgreement(Exchange exchange, ResponseHead head)
    {
        var mutations = ResponseComposition.MutationsOf(exchange, head);
        var writer = new ByteWriter(ResponseComposition.MemoryFor(exchange, exchange.UpstreamFieldsEnd + mutations.MaxLength));
        ResponseHeadWriter.WriteAgreement(ref writer, exchange, head, mutations);
        exchange.NoteResponseHead(writer.Written);
        Connection.Send(writer.Written);
    }

    private BodyFraming ClientFraming(BodyFraming upstream) =>
        upstream.Kind is not (BodyKind.Chunked or BodyKind.UntilClose) ? upstream
        : _exchange.Request.MinorVersion == 1 ? BodyFraming.Chunked : BodyFraming.UntilClose;

    // After an upgrade that was refused nobody can tell whether what the client sent since is a request or was meant for the other protocol.
    private bool MustCloseAfter(bool end) =>
        owner.EndsAfterThisRequest() || (end && !_body.IsComplete) || _exchange.Parser.WantsUpgrade || _exchange.Request.IsConnect;
}

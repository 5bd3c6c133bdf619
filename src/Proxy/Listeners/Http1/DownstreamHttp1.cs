using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>
/// One client connection that speaks HTTP/1: reads heads, has each served, and keeps the connection for the next. Requests that arrive
/// while one is served wait in the socket or in the input block, so answers leave in order (RFC 9112 §9.3.2).
/// </summary>
internal sealed class DownstreamHttp1 : DownstreamStream, IConnectionOwner
{
    private const int CopyLimit = 16 * 1024;
    private const int MaxChunkedRead = 64 * 1024;

    /// <summary>Longest head whatever the configuration allows: the largest block must hold it with something behind it.</summary>
    private const int MaxHeadBytes = BlockPool.Large - (16 * 1024);
    private const int WriteStallMs = 20_000;
    private const long NotDraining = -1;

    /// <summary>Bytes read and dropped while the connection ends; who sends more does not wait for the answer.</summary>
    private const int MaxDropped = 4 * 1024 * 1024;

    private readonly WorkerRuntime _runtime;
    private readonly HttpConnectionManagerState _state;
    private readonly Connection _connection;
    private readonly DownstreamConnections _siblings;
    private readonly SocketEndpoint _remote;
    private readonly SocketEndpoint _local;
    private readonly long _connectionId;
    private readonly long _openedMs;

    private Exchange? _exchange;
    private Block? _input;
    private int _inputStart;
    private int _inputEnd;
    private BodyDecoder _body;
    private BodyFraming _requestFraming;
    private Slice _bufferedBody;
    private bool _isRequestBuffered;
    private BodyFraming _responseFraming;
    private bool _closeAfterResponse;
    private bool _mustCut;
    private bool _deadlinePassed;
    private int _requests;
    private long _drainGraceMs = NotDraining;
    private Phase _phase;

    public DownstreamHttp1(
        WorkerRuntime runtime, HttpConnectionManagerState state, DownstreamConnections siblings, int descriptor, SocketEndpoint remote, SocketEndpoint local, long connectionId)
    {
        _runtime = runtime;
        _state = state;
        _siblings = siblings;
        _remote = remote;
        _local = local;
        _connectionId = connectionId;
        _openedMs = runtime.Worker.NowMs;
        _connection = new Connection(runtime.Worker, descriptor, this, writable: true);
    }

    private enum Phase : byte
    {
        /// <summary>Between requests; nothing of the next has arrived.</summary>
        Idle,
        ReadingHead,
        Serving,

        /// <summary>Only output is left to be taken: before the end, or before the next request.</summary>
        Closing,
    }

    /// <summary>Neighbours in the worker's list of connections.</summary>
    public DownstreamHttp1? Next { get; set; }

    /// <inheritdoc cref="Next"/>
    public DownstreamHttp1? Previous { get; set; }

    public override Connection Connection => _connection;

    public override bool IsRequestComplete => _body.IsComplete;

    public override bool IsRequestBuffered => _isRequestBuffered;

    public override BodyFraming RequestFraming => _requestFraming;

    public override ReadOnlySpan<byte> BufferedBody =>
        _bufferedBody.IsEmpty ? default : _input!.Bytes.AsSpan(_bufferedBody.Offset, _bufferedBody.Length);

    /// <summary>Serves the connection until it ends.</summary>
    public async LoopTask RunAsync()
    {
        _siblings.Add(this);
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.ConnectionsTotal);
        page.Increment(_state.Stats.ConnectionsHttp1Total);
        page.Add(_state.Stats.ConnectionsActive, 1);
        page.Add(_state.ListenerStats.ConnectionsActive, 1);
        try
        {
            while (await ReadHeadAsync())
            {
                _phase = Phase.Serving;
                await ServeAsync();
                if (_closeAfterResponse || _mustCut || _connection.Error != 0)
                {
                    break;
                }

                if (IsCongested && !await DrainedAsync())
                {
                    break;
                }
            }

            await EndAsync();
        }
        finally
        {
            ReleaseExchange();
            ReleaseInput();
            page.Add(_state.Stats.BytesReceived, _connection.BytesReceived);
            page.Add(_state.Stats.BytesSent, _connection.BytesSent);
            page.Add(_state.Stats.ConnectionsActive, -1);
            page.Add(_state.ListenerStats.ConnectionsActive, -1);
            _siblings.Remove(this);
            _connection.Close(reset: _mustCut);
        }
    }

    /// <summary>The listener or the proxy goes away: an idle connection ends soon, a busy one with its answer.</summary>
    public void Drain(long idleGraceMs)
    {
        _drainGraceMs = idleGraceMs;
        if (_phase == Phase.Idle)
        {
            _connection.SetDeadline(idleGraceMs);
        }
    }

    public override DownstreamRead TryReadBody(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_body.IsComplete)
        {
            return DownstreamRead.Ready;
        }

        // Never more than the body where its end is known, and never more than a block can keep behind the head where it is not: what
        // follows is the next request.
        var room = _body.Remaining >= 0
            ? (int)Math.Min(_body.Remaining, Worker.ReceiveBufferSize)
            : Math.Min(MaxChunkedRead, BlockPool.Large - _exchange!.Parser.HeadEnd);
        var buffer = _connection.Worker.ReceiveBuffer.AsSpan(0, room);
        var count = _connection.Receive(buffer);
        if (count == Connection.WouldBlock)
        {
            return DownstreamRead.NeedMore;
        }

        if (count <= 0)
        {
            return DownstreamRead.Disconnected;
        }

        var length = _body.Decode(buffer[..count], out var consumed);
        if (_body.Error != Http1Error.None)
        {
            return DownstreamRead.Malformed;
        }

        if (consumed < count)
        {
            KeepInput(buffer[consumed..count]);
        }

        payload = buffer[..length];
        return DownstreamRead.Ready;
    }

    public override void SendInterim(ResponseHead head)
    {
        var writer = new ByteWriter(_connection.Worker.Scratch);
        ResponseHeadWriter.WriteInterim(ref writer, head, _exchange!.UpstreamFieldsEnd);
        _connection.Send(writer.Written);
    }

    public override void SendHead(Exchange exchange, in UpstreamResponse response, ReadOnlySpan<byte> payload, bool end)
    {
        exchange.Status = response.Head.Status;
        exchange.KeepResponseHead(response.Head);
        _responseFraming = ClientFraming(response.Framing);
        _closeAfterResponse |= MustCloseAfter(end) || _responseFraming.Kind == BodyKind.UntilClose;

        var scratch = _connection.Worker.Scratch;
        var mutations = exchange.Target is null ? 0 : FieldForwarding.MaxAdditions(exchange.Target.ResponseMutations);
        var worstCase = exchange.UpstreamFieldsEnd + mutations + ResponseHeadWriter.OwnFieldsRoom + exchange.ServerName.Length + CopyLimit + ChunkWriter.MaxOverhead;
        var writer = new ByteWriter(worstCase <= scratch.Length ? scratch : new byte[worstCase]);
        ResponseHeadWriter.Write(ref writer, exchange, response, _responseFraming, _closeAfterResponse);
        if (payload.Length > CopyLimit)
        {
            if (_responseFraming.Kind == BodyKind.Chunked)
            {
                _connection.Send(writer.Written);
                SendBody(payload, end);
            }
            else
            {
                _connection.Send(writer.Written, payload);
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

        _connection.Send(writer.Written);
    }

    public override void SendBody(ReadOnlySpan<byte> payload, bool end)
    {
        if (_responseFraming.Kind == BodyKind.Chunked)
        {
            ChunkWriter.Send(_connection, payload, end, 4 * CopyLimit);
        }
        else if (!payload.IsEmpty)
        {
            _connection.Send(payload);
        }
    }

    public override void SendLocalReply(Exchange exchange, in LocalReply reply)
    {
        exchange.Status = reply.Status;
        exchange.BytesSent = exchange.IsHead ? 0 : reply.Body.Length;
        _closeAfterResponse |= MustCloseAfter(end: true);
        var mutations = exchange.Route is null ? 0 : FieldForwarding.MaxAdditions(exchange.Route.ResponseMutations);
        var worstCase = mutations + ResponseHeadWriter.OwnFieldsRoom + exchange.ServerName.Length + reply.Body.Length + reply.ExtraLines.Length;
        var scratch = _connection.Worker.Scratch;
        var writer = new ByteWriter(worstCase <= scratch.Length ? scratch : new byte[worstCase]);
        ResponseHeadWriter.WriteLocal(ref writer, exchange, reply, _closeAfterResponse);
        _connection.Send(writer.Written);
    }

    public override void CutResponse()
    {
        _closeAfterResponse = true;

        // A length or a missing last chunk tells the client; only a body that ends with the connection needs a reset to show the cut.
        _mustCut = _exchange!.IsResponseStarted && _responseFraming.Kind == BodyKind.UntilClose;
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
        // Pipelined requests wait. A client that has gone ends the exchange, as in Envoy: nobody is there to read the answer. After a reset
        // nobody reads the answers to what was pipelined either.
        if (_phase == Phase.Serving
            && (connection.IsReset || (connection.IsPeerClosed && _inputStart == _inputEnd && !connection.HasUnreadBytes())))
        {
            _exchange!.AbortWith(AbortReason.ClientGone);
        }
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        switch (_phase)
        {
            case Phase.Serving when _exchange!.PassedDeadline() is var reason:
                connection.Worker.Stats.Increment(reason == AbortReason.IdleTimeout ? _state.Stats.RequestsIdleTimeout : _state.Stats.RequestsTimeout);
                _exchange.AbortWith(reason);
                break;
            case Phase.Idle:
                connection.Worker.Stats.Increment(_drainGraceMs != NotDraining ? _state.Stats.ConnectionsDrainClose : _state.Stats.ConnectionsIdleTimeout);
                goto default;
            default:
                _deadlinePassed = true;
                connection.Interrupt();
                break;
        }
    }

    /// <summary>Waits for a request and reads its head. False where the connection is to end.</summary>
    private async LoopTask<bool> ReadHeadAsync()
    {
        _phase = Phase.Idle;
        _deadlinePassed = false;
        if (_inputStart == _inputEnd)
        {
            SetIdleDeadline();
            if (await _connection.Readable() == WaitResult.Interrupted)
            {
                return false;
            }
        }

        var exchange = BeginExchange();
        var end = _inputEnd;
        while (true)
        {
            if (end > 0)
            {
                switch (exchange.Parser.Parse(_input!.Bytes, end))
                {
                    case ParseStatus.Done:
                        _inputEnd = end;
                        BeginBody(exchange);
                        if (_body.Error != Http1Error.None)
                        {
                            Refuse(exchange, _body.Error);
                            return false;
                        }

                        return true;
                    case ParseStatus.Failed:
                        Refuse(exchange, exchange.Parser.Error);
                        return false;
                }

                if (_phase == Phase.Idle)
                {
                    _phase = Phase.ReadingHead;
                    SetHeadDeadline();
                }
            }

            if (end == _input!.Size)
            {
                GrowInput(end);
            }

            var count = _connection.Receive(_input.Bytes.AsSpan(end));
            if (count > 0)
            {
                end += count;
                continue;
            }

            if (count != Connection.WouldBlock)
            {
                return false;
            }

            if (end == 0)
            {
                // Readable without bytes: wait without holding a block.
                ReleaseExchange();
                ReleaseInput();
            }

            if (await _connection.Readable() == WaitResult.Interrupted)
            {
                if (_deadlinePassed && _phase == Phase.ReadingHead)
                {
                    RefuseLateHead(exchange);
                }

                return false;
            }

            if (_exchange is null)
            {
                exchange = BeginExchange();
            }
        }
    }

    private async LoopTask ServeAsync()
    {
        var exchange = _exchange!;
        if (exchange.Parser.ExpectsContinue && !_body.IsComplete && _bufferedBody.IsEmpty)
        {
            // As Envoy by default: the expectation is met here and not sent on (RFC 9110 §10.1.1).
            _connection.Send("HTTP/1.1 100 Continue\r\n\r\n"u8);
        }

        await HttpConnectionManager.ServeAsync(exchange, _state);
        _closeAfterResponse |= !_body.IsComplete;
        ReleaseExchange();
        if (_inputStart == _inputEnd)
        {
            ReleaseInput();
        }
        else
        {
            _input!.Bytes.AsSpan(_inputStart, _inputEnd - _inputStart).CopyTo(_input.Bytes);
            _inputEnd -= _inputStart;
            _inputStart = 0;
        }
    }

    /// <summary>Waits until the client has taken most of its answers. False where it takes nothing for too long: then it is cut off.</summary>
    private async LoopTask<bool> DrainedAsync()
    {
        _phase = Phase.Closing;
        _deadlinePassed = false;
        _connection.SetDeadline(WriteStallMs);
        await _connection.Drained();
        _mustCut = _deadlinePassed;
        return !_deadlinePassed && _connection.Error == 0;
    }

    /// <summary>Sends what is queued, tells the peer that no more comes, and reads on for a while, so that a reset does not destroy the answer (RFC 9112 §9.6).</summary>
    private async LoopTask EndAsync()
    {
        _phase = Phase.Closing;
        _deadlinePassed = false;
        if (_mustCut || _connection.Error != 0)
        {
            return;
        }

        _connection.SetDeadline(WriteStallMs);
        await _connection.FlushedAsync();
        if (_connection.IsPeerClosed || _deadlinePassed || _requests == 0)
        {
            return;
        }

        _connection.ShutdownWrite();
        _connection.SetDeadline((long)_state.Config.DelayedCloseTimeout.TotalMilliseconds);
        var dropped = 0;
        while (!_deadlinePassed && _connection.Error == 0 && dropped < MaxDropped)
        {
            var count = _connection.Receive(_connection.Worker.ReceiveBuffer);
            if (count > 0)
            {
                dropped += count;
                continue;
            }

            if (count != Connection.WouldBlock || await _connection.Readable() == WaitResult.Interrupted)
            {
                return;
            }
        }
    }

    private Exchange BeginExchange()
    {
        var exchange = _runtime.RentExchange();
        var worker = _runtime.Worker;
        exchange.Begin(this, _state, _remote, _local, _connectionId);
        exchange.StartMs = worker.NowMs;
        exchange.StartWallTicks = worker.WallClockTicks;
        exchange.Parser.MaxHeadBytes = Math.Min(_state.Config.MaxRequestHeadBytes, MaxHeadBytes);
        exchange.Parser.MaxFields = _state.Config.MaxRequestFields;
        exchange.Parser.Begin(0);
        _exchange = exchange;
        _input ??= worker.Blocks.Rent(BlockPool.Small);
        return exchange;
    }

    /// <summary>Takes the framing off what arrived behind the head; the rest is the next request.</summary>
    private void BeginBody(Exchange exchange)
    {
        _requests++;
        _requestFraming = exchange.Parser.Framing;
        _body = BodyDecoder.For(_requestFraming);
        _inputStart = exchange.Parser.HeadEnd;
        _bufferedBody = default;
        _responseFraming = BodyFraming.None;
        _closeAfterResponse = exchange.Parser.WantsClose;
        if (!_body.IsComplete && _inputStart < _inputEnd)
        {
            var length = _body.Decode(_input!.Bytes.AsSpan(_inputStart, _inputEnd - _inputStart), out var consumed);
            _bufferedBody = new Slice(_inputStart, length);
            _inputStart += consumed;
        }

        _isRequestBuffered = _body.IsComplete;
    }

    private BodyFraming ClientFraming(BodyFraming upstream) =>
        upstream.Kind is not (BodyKind.Chunked or BodyKind.UntilClose) ? upstream
        : _exchange!.Request.MinorVersion == 1 ? BodyFraming.Chunked : BodyFraming.UntilClose;

    private bool MustCloseAfter(bool end) =>
        _runtime.Drain.IsDraining
        || _drainGraceMs != NotDraining
        || (end && !_body.IsComplete)
        || (_state.Config.MaxRequestsPerConnection is > 0 and var limit && _requests >= limit)
        || (_state.Config.MaxConnectionDuration > TimeSpan.Zero
            && _runtime.Worker.NowMs - _openedMs >= (long)_state.Config.MaxConnectionDuration.TotalMilliseconds);

    private void SetIdleDeadline()
    {
        // An answer that began before the drain has not told the client to go: its connection gets the grace of an idle one.
        var idle = (long)_state.Config.IdleTimeout.TotalMilliseconds;
        if (_drainGraceMs != NotDraining)
        {
            _connection.SetDeadline(_drainGraceMs);
        }
        else if (idle > 0)
        {
            _connection.SetDeadline(idle);
        }
        else
        {
            _connection.ClearDeadline();
        }
    }

    private void SetHeadDeadline()
    {
        if (_state.Config.RequestHeadersTimeout is { Ticks: > 0 } timeout)
        {
            _connection.SetDeadline((long)timeout.TotalMilliseconds);
        }
        else
        {
            // What is armed may still be a deadline of the exchange before.
            SetIdleDeadline();
        }
    }

    /// <summary>Answers a head that was refused and ends the connection: where the next request begins is unknown.</summary>
    private void Refuse(Exchange exchange, Http1Error error)
    {
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.RequestsTotal);
        page.Increment(_state.Stats.ConnectionsProtocolError);
        if (error is Http1Error.HeadTooLarge or Http1Error.TooManyFields)
        {
            page.Increment(_state.Stats.RequestsTooLarge);
        }

        exchange.Flags |= ResponseFlags.DownstreamProtocolError;
        AnswerAndEnd(exchange, error switch
        {
            Http1Error.HeadTooLarge or Http1Error.TooManyFields => 431,
            Http1Error.BadVersion => 505,
            Http1Error.UnsupportedTransferEncoding => 501,
            _ => 400,
        }, RequestErrors.Details(error));
    }

    private void RefuseLateHead(Exchange exchange)
    {
        _runtime.Worker.Stats.Increment(_state.Stats.RequestsTotal);
        _runtime.Worker.Stats.Increment(_state.Stats.RequestsHeaderTimeout);
        AnswerAndEnd(exchange, 408, "request_header_timeout");
    }

    private void AnswerAndEnd(Exchange exchange, int status, string details)
    {
        _requests++;
        _closeAfterResponse = true;
        LocalReplies.Send(exchange, status, details, default);
        HttpConnectionManager.Complete(exchange, _state);
    }

    /// <summary>Keeps bytes of the next request that were read together with the end of this body.</summary>
    private void KeepInput(ReadOnlySpan<byte> bytes)
    {
        // The head at the front of the block is still needed for the log: what follows goes behind it. The body that came with the head has
        // been sent by now, and a request with more body than that is never sent again.
        var start = _exchange!.Parser.HeadEnd;
        var needed = start + bytes.Length;
        while (needed > _input!.Size)
        {
            GrowInput(start);
        }

        bytes.CopyTo(_input.Bytes.AsSpan(start));
        _bufferedBody = default;
        _inputStart = start;
        _inputEnd = needed;
    }

    private void GrowInput(int used)
    {
        var blocks = _runtime.Worker.Blocks;
        var larger = blocks.Rent(_input!.Size < BlockPool.Medium ? BlockPool.Medium : BlockPool.Large);
        _input.Bytes.AsSpan(0, used).CopyTo(larger.Bytes);
        blocks.Return(_input);
        _input = larger;
        _exchange!.Request.Bytes = larger.Bytes;
    }

    private void ReleaseExchange()
    {
        if (_exchange is not null)
        {
            _runtime.Return(_exchange);
            _exchange = null;
        }
    }

    private void ReleaseInput()
    {
        if (_input is not null)
        {
            _runtime.Worker.Blocks.Return(_input);
            _input = null;
        }

        _inputStart = _inputEnd = 0;
    }
}

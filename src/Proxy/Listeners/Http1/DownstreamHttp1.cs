using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>
/// One client connection that speaks HTTP/1: reads heads, has each served, and keeps the connection for the next. Requests that arrive
/// while one is served wait in the socket or in the input block, so answers leave in order (RFC 9112 §9.3.2).
/// </summary>
internal sealed partial class DownstreamHttp1 : DownstreamConnection, IConnectionOwner
{
    /// <summary>Longest head whatever the configuration allows: the largest block must hold it with something behind it.</summary>
    public const int MaxHeadBytes = BlockPool.Large - (16 * 1024);
    private const long NotDraining = -1;
    private const long NotWriting = -1;

    private readonly WorkerRuntime _runtime;
    private readonly HttpConnectionManagerState _state;
    private readonly Connection _connection;
    private readonly DownstreamConnections _siblings;
    private readonly SocketEndpoint _remote;
    private readonly SocketEndpoint _local;
    private readonly long _connectionId;
    private readonly long _openedMs;

    private readonly Http1Input _input;
    private readonly Http1Stream _stream;

    private Exchange? _exchange;
    private bool _mustReset;
    private bool _clientAskedToClose;
    private bool _deadlinePassed;
    private int _requests;
    private long _drainGraceMs = NotDraining;
    private long _sentBefore = NotWriting;
    private Phase _phase;

    /// <summary>Takes over a socket that was just accepted.</summary>
    public DownstreamHttp1(
        WorkerRuntime runtime, HttpConnectionManagerState state, DownstreamConnections siblings, int descriptor, SocketEndpoint remote, SocketEndpoint local, long connectionId)
        : this(runtime, state, siblings, remote, local, connectionId, runtime.Worker.NowMs) =>
        _connection = new Connection(runtime.Worker, descriptor, this, writable: true);

    /// <summary>Takes over a connection for which this filter chain was chosen.</summary>
    public DownstreamHttp1(WorkerRuntime runtime, HttpConnectionManagerState state, DownstreamConnections siblings, AcceptedConnection accepted)
        : this(runtime, state, siblings, accepted.Remote, accepted.Local, accepted.Id, accepted.AcceptedMs)
    {
        _connection = accepted.Connection;
        _connection.Owner = this;
        Place = accepted.Place;
        RequestedServerName = accepted.RequestedServerName;
        Authorities = accepted.Authorities;
    }

    private DownstreamHttp1(
        WorkerRuntime runtime, HttpConnectionManagerState state, DownstreamConnections siblings, SocketEndpoint remote, SocketEndpoint local, long connectionId, long openedMs)
    {
        _runtime = runtime;
        _state = state;
        _siblings = siblings;
        _remote = remote;
        _local = local;
        _connectionId = connectionId;
        _openedMs = openedMs;
        _connection = null!;
        _input = new Http1Input(runtime.Worker.Blocks);
        _stream = new Http1Stream(this, _input, state.Config.EnablesTrailers ? new TrailerReader(runtime.Worker.Blocks, state.Config.MaxRequestFields) : null);
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

    /// <summary>What looking for a head gave.</summary>
    private enum HeadRead : byte
    {
        /// <summary>A whole one: a request to serve.</summary>
        Ready,

        /// <summary>Wait for more of it.</summary>
        NeedMore,

        /// <summary>The connection is to end; what was to be answered has been.</summary>
        Ended,

        /// <summary>The client speaks HTTP/2.</summary>
        OtherVersion,
    }

    public Connection Connection => _connection;

    /// <summary>The name that the client asked for by TLS, in lower case; empty for none or where nobody looked.</summary>
    public byte[] RequestedServerName { get; } = [];

    /// <inheritdoc cref="AcceptedConnection.Authorities"/>
    public AuthorityGuard? Authorities { get; }

    /// <summary>True where the response about to be sent is the connection's last, whatever the request said.</summary>
    public bool EndsAfterThisRequest() =>
        _runtime.Drain.IsDraining
        || _drainGraceMs != NotDraining
        || (_state.Config.MaxRequestsPerConnection is > 0 and var limit && _requests >= limit)
        || (_state.MaxConnectionDurationMs > 0 && _runtime.Worker.NowMs - _openedMs >= _state.MaxConnectionDurationMs)
        || (_runtime.Overload.IsAnyActive && IsKeepAliveDisabled());

    public override int HeldBytes => _connection.PendingOutput + _input.Held + (_exchange?.HeldBytes ?? 0);

    /// <summary>Serves the connection until it ends.</summary>
    public async LoopTask RunAsync()
    {
        _siblings.Add(this);
        _connection.ReceivesAhead = true;
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.ConnectionsTotal);
        page.Add(_state.Stats.ConnectionsActive, 1);
        page.Add(_state.ListenerStats.ConnectionsActive, 1);
        try
        {
            // One method from the first byte of a request to the last of its response: each further one would be resumed in turn.
            while (true)
            {
                var head = BeginWait();
                while (head == HeadRead.NeedMore)
                {
                    head = await _connection.Readable() == WaitResult.Ready ? ReadHead() : EndWait();
                }

                if (head == HeadRead.OtherVersion)
                {
                    HandOver();
                    break;
                }

                if (head == HeadRead.Ended)
                {
                    break;
                }

                var exchange = _exchange!;
                var isForwarded = BeginServing(exchange);
                while (isForwarded)
                {
                    await _runtime.Worker.NextStage();
                    if (exchange.Abort != AbortReason.None)
                    {
                        LocalReplies.Aborted(exchange);
                        break;
                    }

                    await (_state.Config.Filters.IsEmpty ? Router.ForwardAsync(exchange) : FilterChain.RunAsync(exchange));
                    isForwarded = exchange.IsRedirected && HttpConnectionManager.BeginAgain(exchange, _state);
                }

                EndServing(exchange);
                if (_stream.ClosesConnection || _mustReset || _connection.Error != 0)
                {
                    _mustReset |= _stream.MustReset;
                    break;
                }

                if (_stream.IsCongested && !await DrainedAsync())
                {
                    break;
                }
            }

            if (_successor is null)
            {
                await EndAsync();
            }
        }
        finally
        {
            ReleaseExchange();
            _input.Release();
            page.Add(_state.Stats.ConnectionsActive, -1);
            page.Add(_state.Stats.ConnectionsHttp1Active, _requests > 0 ? -1 : 0);
            page.Add(_state.ListenerStats.ConnectionsActive, -1);
            _siblings.Remove(this);
            if (_successor is null)
            {
                page.Add(_state.Stats.BytesReceived, _connection.BytesReceived);
                page.Add(_state.Stats.BytesSent, _connection.BytesSent);
                _state.Connections.Return();
                Place.Return(_remote);
                _connection.Close(reset: _mustReset);
            }
        }

        GoOn();
    }

    public override void ResetForMemory()
    {
        _mustReset = true;
        if (_phase == Phase.Serving)
        {
            _exchange!.AbortWith(AbortReason.Overload);
            return;
        }

        _deadlinePassed = true;
        _connection.Interrupt();
    }

    /// <summary>An idle connection ends soon, a busy one with its answer.</summary>
    public override void Drain(long idleGraceMs)
    {
        _drainGraceMs = idleGraceMs;
        if (_phase == Phase.Idle)
        {
            _connection.SetDeadline(idleGraceMs);
        }
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
        // Pipelined requests wait. A client that has gone ends the exchange, as in Envoy: nobody is there to read the answer. After a reset
        // nobody reads the answers to what was pipelined either.
        // In a tunnel a FIN ends only the client's direction, and is read in its turn.
        if (_phase == Phase.Serving
            && (connection.IsReset || (connection.IsPeerClosed && !_exchange!.IsTunnel && _input.IsEmpty && !connection.HasUnreadBytes())))
        {
            _exchange!.AbortWith(AbortReason.ClientGone);
        }
    }

    /// <summary>The last request is done with: the next may be here already, or part of it.</summary>
    private HeadRead BeginWait()
    {
        _phase = Phase.Idle;
        _deadlinePassed = false;
        if (!_input.IsEmpty)
        {
            return ReadHead();
        }

        SetIdleDeadline();
        return HeadRead.NeedMore;
    }

    /// <summary>Reads what is there of a request's head.</summary>
    private HeadRead ReadHead()
    {
        var exchange = _exchange ?? BeginExchange();
        while (true)
        {
            var end = _input.End;
            if (end > 0)
            {
                switch (exchange.Parser.Parse(_input.Bytes, end))
                {
                    case ParseStatus.Done:
                        _clientAskedToClose = exchange.Parser.WantsClose;
                        if (_stream.Begin(exchange) is var error and not Http1Error.None)
                        {
                            Refuse(exchange, error);
                            return HeadRead.Ended;
                        }

                        CountRequest();
                        return HeadRead.Ready;
                    case ParseStatus.Failed when exchange.Parser.Error == Http1Error.BadVersion && SpeaksHttp2(_input.Bytes.AsSpan(0, end)):
                        return HeadRead.OtherVersion;
                    case ParseStatus.Failed:
                        Refuse(exchange, exchange.Parser.Error);
                        return HeadRead.Ended;
                }

                if (_phase == Phase.Idle && exchange.Parser.HasBegun)
                {
                    _phase = Phase.ReadingHead;
                    SetHeadDeadline();
                }
                else if (_phase == Phase.Idle)
                {
                    // Empty lines begin no request. What is armed may still be a deadline of the exchange before.
                    SetIdleDeadline();
                }
            }

            if (end == _input.Capacity)
            {
                _input.Grow(end);
                exchange.Request.Bytes = _input.Bytes;
            }

            var count = _connection.Receive(_input.Bytes.AsSpan(end));
            if (count > 0)
            {
                _input.End += count;
                continue;
            }

            if (count != Connection.WouldBlock)
            {
                return HeadRead.Ended;
            }

            if (end == 0)
            {
                // Readable without bytes: wait without holding a block.
                ReleaseExchange();
                _input.Release();
            }
            else if (_phase == Phase.Idle)
            {
                // The request that may follow the empty lines has not begun: its exchange begins with it.
                ReleaseExchange();
            }

            return HeadRead.NeedMore;
        }
    }

    /// <summary>The wait for a head is over without one.</summary>
    private HeadRead EndWait()
    {
        if (_deadlinePassed && _phase == Phase.ReadingHead)
        {
            RefuseLateHead(_exchange!);
        }

        return HeadRead.Ended;
    }

    /// <summary>Takes the request to its route. True where it is to be forwarded; otherwise it has been answered.</summary>
    private bool BeginServing(Exchange exchange)
    {
        _phase = Phase.Serving;
        if (exchange.Parser.ExpectsContinue && !_state.Config.Proxy100Continue && !_stream.IsRequestComplete && _stream.BufferedBody.IsEmpty)
        {
            // As Envoy by default: the expectation is met here and not sent on (RFC 9110 §10.1.1).
            _connection.Send("HTTP/1.1 100 Continue\r\n\r\n"u8);
            exchange.ResponseHeadBytes += "HTTP/1.1 100 Continue\r\n\r\n"u8.Length;
        }

        return HttpConnectionManager.Begin(exchange, _state);
    }

    private void EndServing(Exchange exchange)
    {
        HttpConnectionManager.End(exchange, _state);
        _stream.End();
        ReleaseExchange();
        _input.Compact();
    }

    /// <summary>Waits until the client has taken most of its answers. False where it takes nothing for too long: then it is cut off.</summary>
    private async LoopTask<bool> DrainedAsync()
    {
        _phase = Phase.Closing;
        _deadlinePassed = false;
        ArmWriteStall();
        await _connection.Drained();
        _mustReset |= _deadlinePassed;
        return !_deadlinePassed && _connection.Error == 0;
    }

    private bool IsKeepAliveDisabled()
    {
        var applies = _runtime.Overload.Applies(OverloadAction.DisableHttpKeepAlive, _runtime.Worker.Random.Next());
        if (applies)
        {
            _runtime.Worker.Stats.Increment(_state.Stats.OverloadDisabledKeepAlive);
        }

        return applies;
    }

    private Exchange BeginExchange()
    {
        var exchange = _runtime.RentExchange();
        var worker = _runtime.Worker;
        exchange.Begin(_stream, _state, _remote, _local, _connectionId);
        exchange.StartMs = worker.NowMs;
        exchange.StartWallTicks = worker.WallClockTicks;
        exchange.BeginHead(MaxHeadBytes);
        _exchange = exchange;
        _input.Rent();
        return exchange;
    }

    private void ReleaseExchange()
    {
        if (_exchange is not null)
        {
            _runtime.Return(_exchange);
            _exchange = null;
        }
    }
}

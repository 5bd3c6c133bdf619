using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>How an attempt to connect ended.</summary>
internal enum ConnectResult : byte
{
    Connected,
    Failed,
    TimedOut,
    Interrupted,
}

/// <summary>
/// One HTTP/1.1 connection to an endpoint: one exchange at a time. It is kept only after a message that ended cleanly and left no byte
/// behind; an idle one that becomes readable is closed, whatever came (RFC 9112 §9.3: a connection that has gone out of step is not reused).
/// </summary>
internal sealed partial class UpstreamConnection : UpstreamStream, IConnectionOwner
{
    /// <summary>Read at once where a head is expected: a whole small response, and of a large one no more than must be copied.</summary>
    private const int FirstRead = 20 * 1024;

    private readonly ConnectionPool _pool;
    private readonly ResponseParser _parser;
    private readonly long _openedMs;
    private ReadOnlyMemory<SocketEndpoint> _others;
    private readonly TrailerReader? _trailers;
    private BodyDecoder _body;
    private Block? _held;
    private byte[] _input;
    private int _inputStart;
    private int _inputEnd;

    /// <summary>True from where a head was read until it was passed on or given up.</summary>
    private bool _isHeadInUse;
    private int _requests;
    private bool _isIdle;
    private bool _deadlinePassed;
    private long _countedReceived;
    private long _countedSent;

    /// <summary>Takes over a socket whose connect is under way.</summary>
    /// <param name="pool">Where it belongs.</param>
    /// <param name="descriptor">The socket.</param>
    /// <param name="breaker">Counts it.</param>
    /// <param name="address">Where it leads.</param>
    /// <param name="others">Where else the endpoint may be reached.</param>
    /// <param name="requestedName">See <see cref="RequestedName"/>.</param>
    /// <param name="expectsHttp2">See <see cref="ExpectsHttp2"/>.</param>
    public UpstreamConnection(
        ConnectionPool pool, int descriptor, CircuitBreaker breaker, SocketEndpoint address, ReadOnlyMemory<SocketEndpoint> others, string? requestedName = null,
        bool expectsHttp2 = false)
    {
        ExpectsHttp2 = expectsHttp2;
        RequestedName = requestedName;
        Address = address;
        _others = others;
        Breaker = breaker;
        Generation = pool.Generation;
        _pool = pool;
        var limits = pool.Endpoint.Cluster.Config;
        _parser = new ResponseParser(Head) { MaxHeadBytes = limits.MaxResponseHeadBytes, MaxFields = limits.MaxResponseFields };
        _trailers = limits.EnablesTrailers ? new TrailerReader(pool.Worker.Blocks, limits.MaxResponseFields) : null;
        _input = pool.Worker.ReceiveBuffer;
        _openedMs = pool.Worker.NowMs;
        Id = ConnectionIds.Next(pool.Worker);
        Connection = Connecting(pool.Worker, descriptor);
    }

    public Connection Connection { get; private set; }

    /// <summary>What it belongs to.</summary>
    public EndpointState Endpoint => _pool.Endpoint;

    /// <summary>Counts the connection among those of its cluster and priority.</summary>
    public CircuitBreaker Breaker { get; }

    /// <summary>The pool's <see cref="ConnectionPool.Generation"/> when it was opened.</summary>
    public int Generation { get; }

    /// <summary>Number of the connection, unique in this process.</summary>
    public long Id { get; }

    /// <summary>When its connect began and when it stood, on the worker's clock in milliseconds; 0 means not yet.</summary>
    public long ConnectBeganMs => _openedMs;

    /// <inheritdoc cref="ConnectBeganMs"/>
    public long ConnectedMs { get; private set; }

    /// <summary>Why the response was refused.</summary>
    public Http1Error ProtocolError { get; private set; }

    /// <inheritdoc/>
    public override string ProtocolErrorDetails => ResponseErrors.Details(ProtocolError);

    /// <inheritdoc/>
    public override LoopStream Io => Connection;

    /// <inheritdoc/>
    public override UpstreamConnection Carrier => this;

    /// <inheritdoc/>
    public override bool IsMultiplexed => false;

    /// <inheritdoc/>
    public override bool IsUnanswered => Connection.BytesReceived == ReceivedBefore;

    /// <summary>What the connection had received when the exchange began: no byte beyond means that nothing was answered.</summary>
    public long ReceivedBefore { get; private set; }

    /// <summary>True where received bytes wait to be decoded: take them before suspending.</summary>
    public override bool HasUnreadInput => _inputStart != _inputEnd;

    /// <summary>Neighbours in the pool's list of unused connections.</summary>
    public UpstreamConnection? NextIdle { get; set; }

    /// <inheritdoc cref="NextIdle"/>
    public UpstreamConnection? PreviousIdle { get; set; }

    /// <summary>Content-Length as declared, also for a response to HEAD; -1 where there is none.</summary>
    public override long DeclaredLength => _parser.DeclaredLength;

    /// <summary>Offset of the first byte after the head in <see cref="UpstreamStream.Head"/>'s storage.</summary>
    public override int HeadEnd => _parser.HeadEnd;

    /// <summary>True once the whole response was read.</summary>
    public override bool IsResponseComplete => _body.IsComplete;

    /// <inheritdoc/>
    public override TrailerHead? Trailers => _trailers?.Fields;

    /// <summary>True where the response says that the endpoint closes the connection.</summary>
    public bool IsToBeClosedByPeer => _parser.WantsClose;

    /// <summary>True where another exchange may follow this one.</summary>
    public bool CanBeKept =>
        IsResponseComplete && !_parser.WantsClose && _inputStart == _inputEnd && !_hasStrayInput && Framing.Kind != BodyKind.UntilClose
        && !Connection.IsPeerClosed && !Connection.IsClosed && Connection.PendingOutput == 0 && !IsAtRequestLimit && !HasReachedMaxDuration && !HasStraySealedInput;

    /// <summary>True where the connection has lived as long as it may (<c>max_connection_duration</c>).</summary>
    public bool HasReachedMaxDuration => RestOfLifeMs <= 0;

    /// <summary>Milliseconds that it may still live; <see cref="long.MaxValue"/> for ever.</summary>
    private long RestOfLifeMs => _pool.Endpoint.Cluster.Config.MaxConnectionDuration is { Ticks: > 0 } most
        ? ConnectedMs + (most.Ticks / TimeSpan.TicksPerMillisecond) - Connection.Worker.NowMs
        : long.MaxValue;

    /// <summary>What the secure layer has read ahead behind the message: a ticket is worked through, anything else is stray.</summary>
    private bool HasStraySealedInput => Connection.Layer is { HasBufferedInput: true } && Connection.HasUnreadInput();

    private bool IsAtRequestLimit => _pool.Endpoint.Cluster.Config.MaxRequestsPerConnection is > 0 and var limit && (Shared?.TotalStreams ?? _requests) >= limit;

    /// <summary>Waits until the connection stands, at most the cluster's connect timeout.</summary>
    public async LoopTask<ConnectResult> ConnectAsync()
    {
        var cluster = _pool.Endpoint.Cluster;
        var timeoutMs = (long)cluster.Config.ConnectTimeout.TotalMilliseconds;
        WaitResult result;
        if (_others.IsEmpty)
        {
            Connection.SetDeadline(timeoutMs);
            result = await Connection.Connected();
            Connection.ClearDeadline();
        }
        else
        {
            result = await RaceAsync(_others, timeoutMs);
            _others = default;
        }

        if (result == WaitResult.Ready && Connection.Error == 0 && _pool.Endpoint.Tls is { } tls)
        {
            result = await SecureAsync(tls, timeoutMs - (Connection.Worker.NowMs - _openedMs));
        }

        var stats = Connection.Worker.Stats;
        if (_deadlinePassed)
        {
            stats.Increment(cluster.Stats.ConnectTimeout);
            stats.Increment(cluster.Stats.ConnectFail);
            return ConnectResult.TimedOut;
        }

        if (result == WaitResult.Interrupted && TransportFailure.Length == 0)
        {
            return ConnectResult.Interrupted;
        }

        if (Connection.Error != 0 || TransportFailure.Length > 0)
        {
            stats.Increment(cluster.Stats.ConnectFail);
            return ConnectResult.Failed;
        }

        ConnectedMs = Connection.Worker.NowMs;
        stats.Record(cluster.Stats.ConnectMs, ConnectedMs - _openedMs);
        return ConnectResult.Connected;
    }

    /// <summary>Gets ready for the response to a request that is about to be sent.</summary>
    public override void BeginExchange()
    {
        _requests++;
        ReceivedBefore = Connection.BytesReceived;
        FirstByteMs = 0;
        _body = default;
        _hasStrayInput = false;
        ProtocolError = Http1Error.None;
        Framing = BodyFraming.None;
        BeginHead();
    }

    /// <summary>Ends an exchange that went well: back to the pool, or closed where it cannot be kept.</summary>
    public override void Release()
    {
        DropHead();
        _trailers?.Reset();
        CountTraffic();
        if (IsAtRequestLimit)
        {
            Connection.Worker.Stats.Increment(_pool.Endpoint.Cluster.Stats.MaxRequests);
        }

        _pool.Release(this);
    }

    /// <summary>Ends the connection, in whatever state it is.</summary>
    /// <param name="reset">True to tell the endpoint that what it got is not whole.</param>
    public override void Close(bool reset = false)
    {
        if (Connection.IsClosed)
        {
            return;
        }

        if (Shared is { } shared)
        {
            shared.Abort();
            shared.Release();
        }

        CountTraffic();
        _trailers?.Reset();
        if (_held is not null)
        {
            Connection.Worker.Blocks.Return(_held);
            _held = null;
        }

        var wasIdle = _isIdle;
        _isIdle = false;
        Connection.Close(reset);
        _pool.OnClosed(this, wasIdle);
    }

    /// <summary>Told by the pool that the connection waits for its next use.</summary>
    public void EnterIdle()
    {
        _isIdle = true;
        _deadlinePassed = false;
        Connection.Served = null;

        // Stray bytes that arrive in one turn with the next request close the connection before that request could read them as its response.
        Connection.Order = DispatchOrder.News;
        var idle = _pool.Endpoint.Cluster.Config.IdleTimeout.Ticks / TimeSpan.TicksPerMillisecond;
        var waitMs = Math.Min(idle > 0 ? idle : long.MaxValue, RestOfLifeMs);
        if (waitMs < long.MaxValue)
        {
            Connection.SetDeadline(waitMs);
        }
    }

    /// <summary>Told by the pool that the connection is in use again.</summary>
    public void LeaveIdle()
    {
        _isIdle = false;
        Connection.Order = DispatchOrder.Answers;
        Connection.ClearDeadline();
    }

    /// <summary>Has what its next use touches first fetched into the caches.</summary>
    public void PrefetchUse()
    {
        CacheLines.Prefetch(Connection, lines: 4);
        PrefetchHead();
    }

    private void PrefetchHead()
    {
        CacheLines.Prefetch(Head, lines: 6);
        CacheLines.Prefetch(_parser, lines: 2);
    }

    void IPrefetched.Prefetch(int step)
    {
        if (step == 1)
        {
            PrefetchHead();
            CacheLines.Prefetch(_held, lines: 1);
        }
        else
        {
            Head.Prefetch();
        }
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
        // A FIN or stray bytes on an unused connection end it. The event may be older than the last read: ask the socket.
        if (_isIdle && connection.HasUnreadInput())
        {
            Close();
        }
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        if (Shared is { } shared)
        {
            OnSharedDeadline(shared);
            return;
        }

        if (_isIdle)
        {
            var stats = _pool.Endpoint.Cluster.Stats;
            connection.Worker.Stats.Increment(HasReachedMaxDuration ? stats.MaxDurationReached : stats.IdleTimeout);
            Close();
            return;
        }

        _deadlinePassed = true;
        connection.Interrupt();
    }

    private void CountTraffic()
    {
        var stats = _pool.Endpoint.Cluster.Stats;
        Connection.Worker.Stats.Add(stats.BytesReceived, Connection.BytesReceived - _countedReceived);
        Connection.Worker.Stats.Add(stats.BytesSent, Connection.BytesSent - _countedSent);
        _countedReceived = Connection.BytesReceived;
        _countedSent = Connection.BytesSent;
    }
}

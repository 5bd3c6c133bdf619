using KubeProxyNet.Proxy.Filters;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Listeners.Http1;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http2;

/// <summary>One client connection that speaks HTTP/2: has the exchanges of its streams served side by side, and sees to its beginning and its end.</summary>
internal sealed partial class DownstreamHttp2 : DownstreamConnection, IConnectionOwner
{
    private const int MaxDropped = 4 * 1024 * 1024;
    private const long NotDraining = -1;

    private readonly WorkerRuntime _runtime;
    private readonly HttpConnectionManagerState _state;
    private readonly DownstreamConnections _siblings;
    private readonly AcceptedConnection _accepted;
    private readonly Connection _connection;
    private readonly ServerConnection _http2;
    private readonly LoopSignal _exchangesEnded;
    private bool _mustReset;
    private bool _isClosing;
    private bool _deadlinePassed;
    private int _requests;
    private long _drainGraceMs = NotDraining;

    /// <summary>Takes over a connection that is known to speak HTTP/2.</summary>
    public DownstreamHttp2(WorkerRuntime runtime, HttpConnectionManagerState state, DownstreamConnections siblings, AcceptedConnection accepted)
    {
        _runtime = runtime;
        _state = state;
        _siblings = siblings;
        _accepted = accepted;
        _connection = accepted.Connection;
        _connection.Owner = this;
        Place = accepted.Place;
        _exchangesEnded = new LoopSignal(runtime.Worker);
        _http2 = new ServerConnection(this, _connection, state.Config.Http2, state.Stats.Http2);
    }

    /// <inheritdoc cref="AcceptedConnection.RequestedServerName"/>
    public byte[] RequestedServerName => _accepted.RequestedServerName;

    /// <inheritdoc cref="AcceptedConnection.Authorities"/>
    public AuthorityGuard? Authorities => _accepted.Authorities;

    /// <summary>Longest head of a request, in bytes.</summary>
    public int MaxHeadBytes => Math.Min(_state.Config.MaxRequestHeadBytes, DownstreamHttp1.MaxHeadBytes);

    /// <summary>Exchanges that have not ended, whatever became of their streams: work counts until it is over.</summary>
    public int ActiveExchanges { get; private set; }

    /// <inheritdoc/>
    public override int HeldBytes => _http2.Held + _http2.HeldByExchanges;

    /// <summary>Serves the connection until it ends.</summary>
    /// <param name="first">What came before it was known to speak HTTP/2; null for nothing.</param>
    /// <param name="length">Bytes in it.</param>
    public async LoopTask RunAsync(Block? first = null, int length = 0)
    {
        _siblings.Add(this);
        var page = _runtime.Worker.Stats;
        if (first is null)
        {
            page.Increment(_state.Stats.ConnectionsTotal);
        }

        page.Increment(_state.Stats.ConnectionsHttp2Total);
        page.Add(_state.Stats.ConnectionsActive, 1);
        page.Add(_state.Stats.ConnectionsHttp2Active, 1);
        page.Add(_state.ListenerStats.ConnectionsActive, 1);
        try
        {
            SetOpeningDeadline();
            _http2.Open();
            await _http2.RunAsync(first, length);
            while (ActiveExchanges > 0)
            {
                _exchangesEnded.Reset();
                await _exchangesEnded;
            }

            CountFailure();
            await EndAsync();
        }
        finally
        {
            _http2.Release();
            page.Add(_state.Stats.BytesReceived, _connection.BytesReceived);
            page.Add(_state.Stats.BytesSent, _connection.BytesSent);
            page.Add(_state.Stats.ConnectionsActive, -1);
            page.Add(_state.Stats.ConnectionsHttp2Active, -1);
            page.Add(_state.ListenerStats.ConnectionsActive, -1);
            _siblings.Remove(this);
            _state.Connections.Return();
            Place.Return(_accepted.Remote);
            _connection.Close(reset: _mustReset);
        }
    }

    /// <inheritdoc/>
    public override void ResetForMemory() => Abandon();

    /// <summary>The client does not answer any more: nothing that waits for it is kept.</summary>
    public void Abandon()
    {
        _mustReset = true;
        _http2.Abort();
    }

    /// <summary>A head has come: gets its exchange ready.</summary>
    /// <param name="server">The exchange's side of the stream.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="block">The head, as HTTP/1.1 would have it, in memory of the connection.</param>
    /// <param name="length">Bytes of it; 0 where it is too large.</param>
    /// <param name="isTooLarge">True where it is larger than it may be.</param>
    /// <param name="isHttps">True where the client says that it speaks https.</param>
    public void BeginExchange(ServerStream server, Http2Stream stream, Block block, int length, bool isTooLarge, bool isHttps)
    {
        var worker = _runtime.Worker;
        var exchange = _runtime.RentExchange();
        _runtime.PrefetchExchange();
        server.Begin(exchange, stream, block);
        exchange.Begin(server, _state, _accepted.Remote, _accepted.Local, _accepted.Id);
        exchange.StartMs = worker.NowMs;
        exchange.StartWallTicks = worker.WallClockTicks;
        exchange.BeginHead(DownstreamHttp1.MaxHeadBytes);
        ActiveExchanges++;
        _requests++;
        if (_wakeMs != DeadlineTimer.Never && _drainGraceMs == NotDraining)
        {
            SetBusyDeadline();
        }

        if (isTooLarge || exchange.Parser.Parse(block.Bytes, length) != ParseStatus.Done)
        {
            server.BeginRefused(isTooLarge ? Http1Error.HeadTooLarge : exchange.Parser.Error);
            return;
        }

        exchange.Request.IsHttpsTarget = isHttps && _connection.Layer is not null;
        stream.ExpectedBytes = exchange.Parser.Framing.Kind == BodyKind.ContentLength ? exchange.Parser.Framing.Length : -1;
        if (stream is { IsRemoteEnded: true, ExpectedBytes: > 0 })
        {
            server.BeginRefused(Http1Error.BadContentLength);
        }
    }

    /// <summary>Serves an exchange whose head was taken.</summary>
    public void Start(ServerStream server) => ServeAsync(server).Detach();

    /// <summary>A stream has waited long enough for something.</summary>
    public void OnStreamDeadline(Exchange exchange)
    {
        var reason = exchange.PassedDeadline();
        if (reason != AbortReason.None)
        {
            _runtime.Worker.Stats.Increment(reason == AbortReason.IdleTimeout ? _state.Stats.RequestsIdleTimeout : _state.Stats.RequestsTimeout);
            exchange.AbortWith(reason);
        }
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    private async LoopTask ServeAsync(ServerStream server)
    {
        var exchange = server.Exchange;
        try
        {
            if (server.Refusal != Http1Error.None)
            {
                Refuse(exchange, server.Refusal);
                return;
            }

            server.BeginRequest();
            EndIfLast();
            if (exchange.Abort != AbortReason.None)
            {
                // The client took it back before it began.
                return;
            }

            if (exchange.Parser.ExpectsContinue && !_state.Config.Proxy100Continue && !server.IsRequestComplete)
            {
                server.SendContinue();
            }

            var isForwarded = HttpConnectionManager.Begin(exchange, _state);
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

            HttpConnectionManager.End(exchange, _state);
        }
        finally
        {
            server.End();
            _http2.Return(server);
            _runtime.Return(exchange);
            if (--ActiveExchanges == 0)
            {
                _exchangesEnded.Set();
            }
        }
    }

    /// <summary>Answers a head that was refused. The stream ends with it; what the connection carries besides goes on.</summary>
    private void Refuse(Exchange exchange, Http1Error error)
    {
        var page = _runtime.Worker.Stats;
        page.Increment(_state.Stats.RequestsTotal);
        page.Increment(_state.Stats.RequestsHttp2Total);
        if (error is Http1Error.HeadTooLarge or Http1Error.TooManyFields)
        {
            page.Increment(_state.Stats.RequestsTooLarge);
            page.Increment(_state.Stats.Http2.HeaderOverflow);
        }
        else if (error == Http1Error.UnderscoreInFieldName)
        {
            page.Increment(_state.Stats.RequestsRejectedWithUnderscores);
            page.Increment(_state.Stats.Http2.RequestsRejectedWithUnderscores);
        }

        exchange.Flags |= ResponseFlags.DownstreamProtocolError;
        LocalReplies.Send(exchange, RequestErrors.Status(error), RequestErrors.Http2Details(error), default);
        HttpConnectionManager.Complete(exchange, _state);
    }

    /// <summary>The connection takes no more than so many requests, or no more for now: it is told so while they are served.</summary>
    private void EndIfLast()
    {
        if (_drainGraceMs == NotDraining && (_runtime.Drain.IsDraining || (_state.Config.MaxRequestsPerConnection is > 0 and var limit && _requests >= limit)))
        {
            Drain((long)_state.Config.DrainTimeout.TotalMilliseconds);
        }
    }

    private void CountFailure()
    {
        if (_http2.FailureCode is not null)
        {
            _runtime.Worker.Stats.Increment(_state.Stats.ConnectionsProtocolError);
        }
    }
}

using System.Text;
using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Listeners.Http1;
using KubeProxyNet.Proxy.Listeners.Http2;
using KubeProxyNet.Proxy.Listeners.Inspection;
using KubeProxyNet.Proxy.Listeners.Tcp;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>
/// A client connection before a filter chain has it: the listener filters look at its first bytes, the chain is chosen, and the connection is
/// handed over. The bytes stay in the socket meanwhile, so that a client that waits costs no buffer. It has a place under the limit on all
/// connections from the start, and hands it over too.
/// </summary>
internal sealed class PendingConnection : DownstreamConnection, IConnectionOwner
{
    private const long NotDraining = -1;

    private readonly WorkerRuntime _runtime;
    private readonly ListenerState _state;
    private readonly DownstreamConnections _siblings;
    private readonly Connection _connection;
    private readonly SocketEndpoint _remote;
    private readonly long _acceptedMs;
    private SocketEndpoint _local;
    private long _drainGraceMs = NotDraining;
    private bool _isOver;
    private bool _mustReset;

    /// <summary>Takes over a socket that was just accepted.</summary>
    public PendingConnection(WorkerRuntime runtime, ListenerState state, DownstreamConnections siblings, int descriptor, SocketEndpoint remote, SocketEndpoint local)
    {
        _runtime = runtime;
        _state = state;
        _siblings = siblings;
        _remote = remote;
        _local = local;
        _acceptedMs = runtime.Worker.NowMs;
        _connection = new Connection(runtime.Worker, descriptor, this, writable: true);
    }

    public override int HeldBytes => _connection.PendingOutput;

    /// <summary>Brings the connection to its filter chain, or closes it.</summary>
    public async LoopTask RunAsync()
    {
        var page = _runtime.Worker.Stats;
        var taken = default(FilterChainState);
        var socket = default(TlsSocket);
        var isReady = false;
        var inspected = new InspectedConnection();
        _siblings.Add(this);
        page.Add(_state.Stats.PreConnectionsActive, 1);
        try
        {
            if (_state.Config.ListenerFilters.IsEmpty || await InspectAsync(inspected))
            {
                taken = Choose(inspected);
            }

            if (taken?.Tls is { } tls && (socket = await DownstreamHandshake.RunAsync(_connection, tls, _remote, TimeoutOf(taken))) is null)
            {
                CountLateHandshake(page);
            }

            isReady = taken is not null && (taken.Tls is null || (socket is not null && !_isOver));
        }
        finally
        {
            page.Add(_state.Stats.PreConnectionsActive, -1);
            _siblings.Remove(this);
            if (!isReady)
            {
                taken?.Connections.Return();
                Place.Return(_remote);
                _connection.Close(reset: _mustReset);
            }
        }

        if (isReady)
        {
            HandOver(taken!, inspected, socket);
        }
    }

    public override void ResetForMemory()
    {
        _mustReset = true;
        End();
    }

    /// <summary>A connection that says nothing ends with the grace of an idle one; one that goes on is told to drain where it goes.</summary>
    public override void Drain(long idleGraceMs)
    {
        _drainGraceMs = idleGraceMs;
        _connection.SetDeadline(idleGraceMs);
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
    }

    void IConnectionOwner.OnDeadline(Connection connection) => End();

    private void End()
    {
        _isOver = true;
        (_connection.Layer as TlsSocket)?.CancelHandshake();
        _connection.Interrupt();
    }

    /// <summary>Runs the listener filters. False where the connection is to be closed.</summary>
    private async LoopTask<bool> InspectAsync(InspectedConnection inspected)
    {
        if (_state.FiltersTimeoutMs > 0)
        {
            _connection.SetDeadline(_state.FiltersTimeoutMs);
        }

        foreach (var filter in _state.Config.ListenerFilters)
        {
            var verdict = ListenerFilters.Look(filter, _connection, inspected, _state);
            while (verdict == InspectionVerdict.NeedMore)
            {
                if (await _connection.Readable() == WaitResult.Interrupted || _isOver)
                {
                    return GoesOnAfterTimeout();
                }

                verdict = ListenerFilters.Look(filter, _connection, inspected, _state);
            }

            if (verdict == InspectionVerdict.Close)
            {
                return false;
            }
        }

        _connection.ClearDeadline();
        _connection.EndPeeking();
        return true;
    }

    private static long TimeoutOf(FilterChainState chain) => (long)chain.Config.TransportSocketConnectTimeout.TotalMilliseconds;

    private void CountLateHandshake(StatPage page)
    {
        if (_isOver && !_mustReset && _drainGraceMs == NotDraining)
        {
            page.Increment(_state.Stats.TransportSocketConnectTimeout);
        }
    }

    private bool GoesOnAfterTimeout()
    {
        if (_mustReset || _drainGraceMs != NotDraining)
        {
            return false;
        }

        _runtime.Worker.Stats.Increment(_state.Stats.PreConnectionsTimeout);
        _connection.EndPeeking();
        return _state.Config.ContinueOnListenerFiltersTimeout;
    }

    /// <summary>The filter chain, with a place under its limit; null where the connection is to be closed.</summary>
    private FilterChainState? Choose(InspectedConnection inspected)
    {
        if (_state.UsesDestination && _local.Address is var bound && (bound.Equals(System.Net.IPAddress.Any) || bound.Equals(System.Net.IPAddress.IPv6Any)))
        {
            _local = _connection.LocalAddress ?? _local;
        }

        var page = _runtime.Worker.Stats;
        var chain = _state.Choose(new ConnectionFacts
        {
            Destination = _local,
            Source = _remote,
            ServerName = inspected.ServerName,
            TransportProtocol = inspected.IsTls ? "tls"u8 : default,
            ApplicationProtocols = inspected.ApplicationProtocols,
        });
        if (chain is null)
        {
            page.Increment(_state.Stats.NoFilterChainMatch);
            return null;
        }

        return Acceptor.TryAdmit(chain, _state.Stats, page) ? chain : null;
    }

    private void HandOver(FilterChainState chain, InspectedConnection inspected, TlsSocket? socket)
    {
        var accepted = new AcceptedConnection
        {
            Connection = _connection,
            Remote = _remote,
            Local = _local,
            Id = ConnectionIds.Next(_runtime.Worker),
            AcceptedMs = _acceptedMs,
            Place = Place,
            RequestedServerName = inspected.ServerName.Length > 0 || socket?.ServerName is not { } name ? inspected.ServerName : Encoding.ASCII.GetBytes(name.ToLowerInvariant()),
            Authorities = socket is not null && _state.GuardsAuthorities ? new AuthorityGuard(_state, chain, _local, _remote, inspected.ApplicationProtocols) : null,
        };
        if (chain.Http is { } http && SpeaksHttp2(http.Config.Codec, socket))
        {
            var downstream = new DownstreamHttp2(_runtime, http, _siblings, accepted);
            downstream.RunAsync().Detach();
            PassDrainOn(downstream);
        }
        else if (chain.Http is { } http1)
        {
            var downstream = new DownstreamHttp1(_runtime, http1, _siblings, accepted);
            downstream.RunAsync().Detach();
            PassDrainOn(downstream);
        }
        else
        {
            var downstream = new DownstreamTcp(_runtime, chain.TcpProxy!, _siblings, accepted);
            downstream.RunAsync().Detach();
            PassDrainOn(downstream);
        }
    }

    /// <summary>What the connection manager is set to; by itself it goes by ALPN. Where nothing was agreed on, <see cref="DownstreamHttp1"/> knows HTTP/2 by its preface.</summary>
    private static bool SpeaksHttp2(HttpCodec codec, TlsSocket? socket) =>
        codec == HttpCodec.Http2 || (codec == HttpCodec.Auto && socket?.AlpnProtocol == "h2");

    private void PassDrainOn(DownstreamConnection downstream)
    {
        if (_drainGraceMs != NotDraining && !_connection.IsClosed)
        {
            downstream.Drain(_drainGraceMs);
        }
    }
}

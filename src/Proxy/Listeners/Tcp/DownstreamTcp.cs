using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Listeners.Tcp;

/// <summary>
/// One client connection whose bytes go to an endpoint and back, whatever they are: Envoy's <c>tcp_proxy</c>. Nothing is read of the client before the
/// endpoint's connection stands.
/// </summary>
internal sealed partial class DownstreamTcp : DownstreamConnection, IConnectionOwner
{
    private readonly WorkerRuntime _runtime;
    private readonly TcpProxyState _state;
    private readonly DownstreamConnections _siblings;
    private readonly Connection _connection;
    private readonly SocketEndpoint _remote;
    private readonly SocketEndpoint _local;
    private readonly long _connectionId;
    private readonly long _openedMs;
    private readonly long _openedWallTicks;
    private readonly byte[] _serverName = [];

    private RuntimeSnapshot _snapshot;
    private UpstreamConnection? _upstream;
    private Cluster? _cluster;
    private Endpoint? _endpoint;
    private ResponseFlags _flags;
    private TcpEnd _end;
    private long _activityMs;
    private int _attempts;

    /// <summary>Takes over a socket that was just accepted.</summary>
    public DownstreamTcp(
        WorkerRuntime runtime, TcpProxyState state, DownstreamConnections siblings, int descriptor, SocketEndpoint remote, SocketEndpoint local, long connectionId)
        : this(runtime, state, siblings, remote, local, connectionId, runtime.Worker.NowMs) =>
        _connection = new Connection(runtime.Worker, descriptor, this, writable: true);

    /// <summary>Takes over a connection for which this filter chain was chosen.</summary>
    public DownstreamTcp(WorkerRuntime runtime, TcpProxyState state, DownstreamConnections siblings, AcceptedConnection accepted)
        : this(runtime, state, siblings, accepted.Remote, accepted.Local, accepted.Id, accepted.AcceptedMs)
    {
        _connection = accepted.Connection;
        _connection.Owner = this;
        Place = accepted.Place;
        _serverName = accepted.RequestedServerName;
    }

    private DownstreamTcp(
        WorkerRuntime runtime, TcpProxyState state, DownstreamConnections siblings, SocketEndpoint remote, SocketEndpoint local, long connectionId, long openedMs)
    {
        _runtime = runtime;
        _state = state;
        _siblings = siblings;
        _remote = remote;
        _local = local;
        _connectionId = connectionId;
        _openedMs = openedMs;
        _openedWallTicks = runtime.Worker.WallClockTicks;
        _activityMs = openedMs;
        _snapshot = runtime.Snapshots.Current;
        _connection = null!;
    }

    public override int HeldBytes => _connection.PendingOutput + (_upstream?.Connection.PendingOutput ?? 0);

    private Worker Worker => _runtime.Worker;

    /// <summary>Serves the connection until it ends.</summary>
    public async LoopTask RunAsync()
    {
        _siblings.Add(this);
        var page = Worker.Stats;
        page.Increment(_state.Stats.ConnectionsTotal);
        page.Add(_state.ListenerStats.ConnectionsActive, 1);
        try
        {
            ArmDeadline();
            if (await ConnectAsync())
            {
                await RelayAsync(_upstream!);
            }
        }
        finally
        {
            page.Add(_state.Stats.BytesReceived, _connection.BytesReceived);
            page.Add(_state.Stats.BytesSent, _connection.BytesSent);
            page.Add(_state.ListenerStats.ConnectionsActive, -1);
            Log();
            ReleaseUpstream();
            _siblings.Remove(this);
            _state.Connections.Return();
            Place.Return(_remote);
            _connection.Close(reset: _end is TcpEnd.UpstreamGone or TcpEnd.Memory, announce: _end != TcpEnd.UpstreamCut);
            _snapshot = RuntimeSnapshot.Empty;
        }
    }

    public override void ResetForMemory() => End(TcpEnd.Memory);

    /// <summary>Nothing tells either end of a drain: as a tunnel, the connection goes on for as long as the drain lasts.</summary>
    public override void Drain(long idleGraceMs)
    {
    }

    void IConnectionOwner.OnUnawaitedRead(Connection connection)
    {
        // A client that has only ended its direction may still wait for an answer.
        if (_upstream is { ConnectedMs: 0 } && connection.IsReset)
        {
            End(TcpEnd.ClientGone);
        }
    }

    void IConnectionOwner.OnDeadline(Connection connection)
    {
        var now = Worker.NowMs;
        if (_state.MaxDurationMs > 0 && now - _openedMs >= _state.MaxDurationMs)
        {
            Worker.Stats.Increment(_state.Stats.MaxDuration);
            _flags |= ResponseFlags.DurationTimeout;
            End(TcpEnd.TimeOver);
        }
        else if (_state.IdleMs > 0 && now - _activityMs >= _state.IdleMs)
        {
            Worker.Stats.Increment(_state.Stats.IdleTimeout);
            End(TcpEnd.TimeOver);
        }
        else
        {
            ArmDeadline();
        }
    }

    private void ArmDeadline()
    {
        var now = Worker.NowMs;
        var idle = _state.IdleMs > 0 ? _activityMs + _state.IdleMs - now : long.MaxValue;
        var life = _state.MaxDurationMs > 0 ? _openedMs + _state.MaxDurationMs - now : long.MaxValue;
        if (Math.Min(idle, life) is var wait and < long.MaxValue)
        {
            _connection.SetDeadline(Math.Max(0, wait));
        }
    }

    /// <summary>Ends both connections, once; whatever waits on them goes on in the next turn and finds that out.</summary>
    private void End(TcpEnd end)
    {
        if (_end == TcpEnd.None)
        {
            _end = end;
            _connection.Interrupt();
            _upstream?.Connection.Interrupt();
        }
    }

    private void ReleaseUpstream()
    {
        if (_upstream is { ConnectedMs: > 0 } && _endpoint is not null)
        {
            var page = _endpoint.State.PageOf(Worker);
            page.ActiveRequests--;
            Worker.Stats.Add(_cluster!.State.Stats.RequestsActive, -1);
        }

        _upstream?.Close(reset: _end is TcpEnd.ClientGone or TcpEnd.Memory);
        _upstream = null;
    }

    private void Log()
    {
        if (_state.AccessLogs.IsEmpty)
        {
            return;
        }

        var none = new Http.RequestHead();
        foreach (var log in _state.AccessLogs)
        {
            log.Write(this, none);
        }
    }
}

using KubeProxyNet.Proxy.Listeners.Http1;
using KubeProxyNet.Proxy.Listeners.Tcp;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>One worker's listening socket. It accepts a bounded number a turn, so that established connections keep their latency.</summary>
internal sealed unsafe class Acceptor : IPollTarget, ITimerOwner
{
    private const int AcceptsATurn = 64;
    private const int PauseMs = 100;
    private const int AddressSize = 128;

    private readonly WorkerRuntime _runtime;
    private readonly SocketEndpoint _local;
    private readonly PollHandle _handle;
    private readonly DeadlineTimer _pause;
    private int _descriptor;

    public Acceptor(WorkerRuntime runtime, int descriptor, SocketEndpoint local, ListenerState state)
    {
        _runtime = runtime;
        _descriptor = descriptor;
        _local = local;
        State = state;
        _pause = new DeadlineTimer(this);
        _handle = runtime.Worker.Poller.Add(descriptor, Native.EpollIn, this);
    }

    /// <summary>What serves new connections; those that are open keep what they began with.</summary>
    public ListenerState State { get; set; }

    /// <summary>The connections accepted here that are still open.</summary>
    public DownstreamConnections Connections { get; } = new();

    /// <summary>Takes what already waits in the queue, then closes the socket.</summary>
    public void Stop()
    {
        if (_descriptor < 0)
        {
            return;
        }

        while (TryAccept())
        {
        }

        _runtime.Worker.Timers.Remove(_pause);
        _runtime.Worker.Poller.Forget(_handle);
        _ = Native.Close(_descriptor);
        _descriptor = -1;
    }

    void IPollTarget.OnEvents(uint events)
    {
        for (var i = 0; i < AcceptsATurn; i++)
        {
            if (!MayAccept())
            {
                Pause();
                return;
            }

            if (!TryAccept())
            {
                return;
            }
        }
    }

    void ITimerOwner.OnDeadline(DeadlineTimer timer)
    {
        if (MayAccept())
        {
            _runtime.Worker.Poller.Modify(_descriptor, Native.EpollIn, _handle);
        }
        else
        {
            _runtime.Worker.SetTimer(_pause, PauseMs);
        }
    }

    /// <summary>The queue keeps the clients meanwhile; asking again at once would only spin.</summary>
    private void Pause()
    {
        _runtime.Worker.Poller.Modify(_descriptor, 0, _handle);
        _runtime.Worker.SetTimer(_pause, PauseMs);
    }

    private bool MayAccept() => _runtime.Worker.Descriptors.MayAccept(_runtime.Connections.Open) && !_runtime.Overload.IsActive(OverloadAction.StopAcceptingConnections);

    private bool TryAccept()
    {
        var address = stackalloc byte[AddressSize];
        uint length = AddressSize;
        var descriptor = Native.Accept(_descriptor, address, &length, Native.SockNonBlock | Native.SockCloseOnExec);
        if (descriptor >= 0)
        {
            // The peer of a Unix domain socket mostly has no name, and is then shown under that of the listener, as in Envoy.
            Serve(descriptor, _local.Path is not null && length <= sizeof(ushort) ? _local : SocketEndpoint.Decode(new ReadOnlySpan<byte>(address, (int)length)));
            return true;
        }

        switch (Native.Errno)
        {
            case Native.EIntr or Native.EConnAborted:
                return true;
            case Native.EMFile or Native.ENFile or Native.ENoBufs or Native.ENoMem:
                // Out of descriptors in spite of the reserve: others of this user or machine have taken them.
                Pause();
                return false;
            default:
                return false;
        }
    }

    private void Serve(int descriptor, SocketEndpoint remote)
    {
        var page = _runtime.Worker.Stats;
        var state = State;
        page.Increment(state.Stats.ConnectionsTotal);
        if (!TryAdmit(state, remote, page, out var place))
        {
            _ = Native.Close(descriptor);
        }
        else if (state.Sole is not { } chain || chain.Http is { Config.Codec: HttpCodec.Http2 })
        {
            new PendingConnection(_runtime, state, Connections, descriptor, remote, _local) { Place = place }.RunAsync().Detach();
        }
        else if (!TryAdmit(chain, state.Stats, page))
        {
            place.Return(remote);
            _ = Native.Close(descriptor);
        }
        else if (chain.Http is { } http)
        {
            new DownstreamHttp1(_runtime, http, Connections, descriptor, remote, _local, ConnectionIds.Next(_runtime.Worker)) { Place = place }.RunAsync().Detach();
        }
        else
        {
            new DownstreamTcp(_runtime, chain.TcpProxy!, Connections, descriptor, remote, _local, ConnectionIds.Next(_runtime.Worker)) { Place = place }.RunAsync().Detach();
        }
    }

    /// <summary>Takes a place under the limits of process, listener and source; false where one is reached, and then holds none.</summary>
    private bool TryAdmit(ListenerState state, SocketEndpoint remote, StatPage page, out ConnectionPlace place)
    {
        if (_runtime.Overload.IsAnyActive && _runtime.Overload.Applies(OverloadAction.RejectIncomingConnections, _runtime.Worker.Random.Next()))
        {
            page.Increment(state.Stats.ConnectionsOverloadReject);
            place = default;
            return false;
        }

        return state.Places.TryTake(remote, state.Config.IgnoresGlobalConnectionLimit, state.Stats, page, out place);
    }

    /// <summary>Takes a place under the limit of a filter chain; false where it is reached, and then holds none.</summary>
    public static bool TryAdmit(FilterChainState chain, ListenerStats stats, StatPage page)
    {
        if (chain.Connections.TryTake())
        {
            return true;
        }

        page.Increment(stats.ConnectionsOverflow);
        if (chain.LimitedConnections is { } limited)
        {
            page.Increment(limited);
        }

        return false;
    }
}

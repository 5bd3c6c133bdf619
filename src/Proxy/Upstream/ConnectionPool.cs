using System.Text;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// The connections of one worker to one endpoint. Unused ones are kept last in, first out, so that a small load keeps few; the number is
/// bounded by <see cref="MaxIdle"/>, and all of them by the cluster's circuit breaker: at the limit, requests wait in order of arrival.
/// </summary>
internal sealed partial class ConnectionPool(Worker worker, EndpointState endpoint)
{
    /// <summary>Most unused connections kept by a worker for an endpoint.</summary>
    public const int MaxIdle = 1024;

    private readonly List<UpstreamConnection> _shared = [];
    private UpstreamConnection? _idle;
    private int _idleCount;
    private int _pendingShared;
    private int _openingShared;
    private PendingRequest? _firstPending;
    private PendingRequest? _lastPending;

    public EndpointState Endpoint => endpoint;

    public Worker Worker => worker;

    /// <summary>Number of the last <see cref="Drain"/>: connections that were opened before it are not kept.</summary>
    public int Generation { get; private set; }

    /// <summary>The sessions of TLS that new connections may continue.</summary>
    public ClientSessions Sessions => field ??= new ClientSessions();

    /// <summary>Connections that are open or opening.</summary>
    public int OpenConnections { get; private set; }

    /// <summary>A kept connection that was opened for no name; null where there is none.</summary>
    public UpstreamConnection? TryTake()
    {
        var connection = _idle;
        while (connection is { RequestedName: not null })
        {
            connection = connection.NextIdle;
        }

        return Take(connection);
    }

    /// <summary>A kept connection that was opened for a name, in any case of letters; null where there is none.</summary>
    public UpstreamConnection? TryTake(ReadOnlySpan<byte> requestedName)
    {
        var connection = _idle;
        while (connection is not null && !(connection.RequestedName is { } name && Ascii.EqualsIgnoreCase(requestedName, name)))
        {
            connection = connection.NextIdle;
        }

        return Take(connection);
    }

    /// <summary>Closes the unused connection that was used last. False where there is none.</summary>
    public bool CloseOneIdle()
    {
        if (_idle is not { } connection)
        {
            return false;
        }

        connection.Close();
        return true;
    }

    /// <summary>Starts a new connection; await <see cref="UpstreamConnection.ConnectAsync"/>. Null where the system gives no socket.</summary>
    /// <param name="breaker">What the connection was taken from, and is given back to when it closes.</param>
    /// <param name="requestedName">The server name to ask for because the request is for it; null for the configured one.</param>
    /// <param name="expectsHttp2">True where it is to be shared by streams, if the endpoint agrees.</param>
    public UpstreamConnection? Open(CircuitBreaker breaker, string? requestedName = null, bool expectsHttp2 = false)
    {
        var address = endpoint.Address;
        var others = endpoint.AdditionalAddresses;
        var descriptor = ConnectSocket.Start(address);
        while (descriptor < 0 && !others.IsEmpty)
        {
            // Without a route to one family, the other is tried at once.
            address = others.Span[0];
            others = others[1..];
            descriptor = ConnectSocket.Start(address);
        }

        if (descriptor < 0)
        {
            worker.Stats.Increment(endpoint.Cluster.Stats.ConnectFail);
            breaker.Connections.Return(worker.Index);
            endpoint.Connections?.Return();
            return null;
        }

        OpenConnections++;
        var stats = endpoint.Cluster.Stats;
        worker.Stats.Increment(stats.ConnectionsTotal);
        worker.Stats.Add(stats.ConnectionsActive, 1);
        endpoint.Cluster.NoteTraffic();
        _openingShared += expectsHttp2 ? 1 : 0;
        return new UpstreamConnection(this, descriptor, breaker, address, others, requestedName, expectsHttp2);
    }

    /// <summary>Takes a connection back after a complete exchange, or closes it where it must not be kept.</summary>
    public void Release(UpstreamConnection connection)
    {
        if (connection.IsToBeClosedByPeer)
        {
            worker.Stats.Increment(endpoint.Cluster.Stats.CloseNotify);
        }

        if (connection.HasReachedMaxDuration)
        {
            worker.Stats.Increment(endpoint.Cluster.Stats.MaxDurationReached);
        }

        if (endpoint.IsRetired || connection.Generation != Generation || _idleCount >= MaxIdle || !connection.CanBeKept)
        {
            connection.Close();
            return;
        }

        if (FindPending(connection.RequestedName, wantsHttp2: false) is { } pending)
        {
            HandOver(pending, connection);
        }
        else if (FindOpener() is not null)
        {
            // It makes room for one of another kind, or of the name that waits longest.
            connection.Close();
        }
        else
        {
            Keep(connection);
        }
    }

    private void Keep(UpstreamConnection connection)
    {
        connection.NextIdle = _idle;
        if (_idle is not null)
        {
            _idle.PreviousIdle = connection;
        }

        _idle = connection;
        _idleCount++;
        connection.EnterIdle();
    }

    /// <summary>Puts a request in the queue; await <see cref="PendingRequest.Over"/>.</summary>
    /// <param name="pending">The request.</param>
    /// <param name="isFirst">True for one that was at its front before, and keeps its place.</param>
    public void Enqueue(PendingRequest pending, bool isFirst = false)
    {
        pending.Over.Reset();
        pending.Stream = null;
        pending.Result = null;
        pending.ConnectError = 0;
        pending.TransportFailure = [];
        _pendingShared += pending.WantsHttp2 ? 1 : 0;
        pending.IsQueued = true;
        pending.Previous = isFirst ? null : _lastPending;
        pending.Next = isFirst ? _firstPending : null;
        if (pending.Previous is null)
        {
            _firstPending = pending;
        }
        else
        {
            pending.Previous.Next = pending;
        }

        if (pending.Next is null)
        {
            _lastPending = pending;
        }
        else
        {
            pending.Next.Previous = pending;
        }
    }

    /// <summary>Takes a request that does not wait any longer out of the queue, and back what it was handed.</summary>
    public void Forget(PendingRequest pending)
    {
        if (pending.IsQueued)
        {
            Remove(pending);
        }
        else if (pending.Stream is { } stream)
        {
            pending.Stream = null;
            stream.Release();
        }
        else if (pending.Result is null)
        {
            // It was to open a connection: the next one may.
            WakeOpener();
        }
    }

    /// <summary>Closes every unused connection.</summary>
    public void CloseIdle()
    {
        for (var i = _shared.Count - 1; i >= 0; i--)
        {
            if (_shared[i].Shared is { ActiveStreams: 0 } shared)
            {
                shared.EndAfterStreams();
            }
        }

        while (_idle is { } connection)
        {
            connection.Close();
        }
    }

    /// <summary>Closes every unused connection, and has those in use close after their request.</summary>
    public void Drain()
    {
        Generation++;
        for (var i = _shared.Count - 1; i >= 0; i--)
        {
            _shared[i].Shared!.EndAfterStreams();
        }

        CloseIdle();
    }

    /// <summary>Told by a connection that it has closed.</summary>
    public void OnClosed(UpstreamConnection connection, bool wasIdle)
    {
        if (wasIdle)
        {
            Unlink(connection);
        }

        _shared.Remove(connection);
        EndOpening(connection);

        OpenConnections--;
        worker.Stats.Add(endpoint.Cluster.Stats.ConnectionsActive, -1);
        connection.Breaker.Connections.Return(worker.Index);
        endpoint.Connections?.Return();
        WakeOpener();
    }

    private void Remove(PendingRequest pending)
    {
        if (pending.Previous is null)
        {
            _firstPending = pending.Next;
        }
        else
        {
            pending.Previous.Next = pending.Next;
        }

        if (pending.Next is null)
        {
            _lastPending = pending.Previous;
        }
        else
        {
            pending.Next.Previous = pending.Previous;
        }

        pending.Next = pending.Previous = null;
        pending.IsQueued = false;
        _pendingShared -= pending.WantsHttp2 ? 1 : 0;
    }

    private UpstreamConnection? Take(UpstreamConnection? connection)
    {
        if (connection is not null)
        {
            Unlink(connection);
            connection.LeaveIdle();
            PrefetchIdle();
        }

        return connection;
    }

    /// <summary>Requests come in bursts: the next one finds its connection in the caches.</summary>
    private void PrefetchIdle()
    {
        if (_idle is { } next)
        {
            next.PrefetchUse();
            CacheLines.Prefetch(next.NextIdle, lines: 5);
        }
    }

    private void Unlink(UpstreamConnection connection)
    {
        if (connection.PreviousIdle is null)
        {
            _idle = connection.NextIdle;
        }
        else
        {
            connection.PreviousIdle.NextIdle = connection.NextIdle;
        }

        if (connection.NextIdle is not null)
        {
            connection.NextIdle.PreviousIdle = connection.PreviousIdle;
        }

        connection.NextIdle = connection.PreviousIdle = null;
        _idleCount--;
    }
}

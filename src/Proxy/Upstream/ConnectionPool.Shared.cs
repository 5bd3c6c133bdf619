using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.Http2;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>
/// Connections of HTTP/2. They are never taken: a request opens a stream on the first that has room. While one is being opened, requests wait for it, as many as it
/// will carry; only those beyond open another. Opening belongs to the pool and not to the request that asked first, which may leave.
/// </content>
internal sealed partial class ConnectionPool
{
    /// <summary>Connections that readers who do not come have clogged before others share their fate: each of them holds as much as its windows allow.</summary>
    private const int MaxClogged = 16;

    private bool _knowsHttp1;

    /// <summary>True where the endpoint, asked by ALPN, spoke HTTP/1.1 when it was last asked.</summary>
    public bool SpeaksHttp1 => endpoint.Cluster.Config.Protocol == UpstreamProtocol.Auto && _knowsHttp1;

    /// <summary>True where more requests wait than the connections that are being opened will carry.</summary>
    public bool NeedsShared => _pendingShared > _openingShared * Math.Max(1L, Math.Min(AllowedStreams, (uint)endpoint.Cluster.Config.Http2.MaxConcurrentStreams));

    /// <summary>Takes room for a stream on a connection that was opened for a name, or for none. Null where none has room.</summary>
    /// <param name="requestedName">The name.</param>
    /// <param name="isNamed">True where there is one.</param>
    /// <param name="avoided">A connection that is taken only where no other has room; null for none.</param>
    public UpstreamStream? TryOpenStream(ReadOnlySpan<byte> requestedName, bool isNamed, UpstreamConnection? avoided = null)
    {
        UpstreamConnection? last = null;
        foreach (var connection in _shared)
        {
            if (MayTake(connection.Shared!) && connection.Generation == Generation
                && (isNamed ? connection.RequestedName is { } name && System.Text.Ascii.EqualsIgnoreCase(requestedName, name) : connection.RequestedName is null))
            {
                if (connection != avoided)
                {
                    return connection.OpenStream();
                }

                last = connection;
            }
        }

        return last?.OpenStream();
    }

    /// <summary>Begins to open a connection; who waits gets its streams, or learns why it failed. False where the system gives no socket.</summary>
    /// <param name="breaker">As for <see cref="Open"/>.</param>
    /// <param name="requestedName">As for <see cref="Open"/>.</param>
    /// <param name="alpn">See <see cref="UpstreamConnection.AlpnFallback"/>.</param>
    public bool TryOpenShared(CircuitBreaker breaker, string? requestedName, byte[] alpn)
    {
        if (Open(breaker, requestedName, expectsHttp2: true) is not { } connection)
        {
            return false;
        }

        connection.AlpnFallback = alpn;
        OpenSharedAsync(connection).Detach();
        return true;
    }

    /// <summary>A connection speaks HTTP/2 from here on.</summary>
    public void Share(UpstreamConnection connection)
    {
        _knowsHttp1 = false;
        _shared.Add(connection);
    }

    /// <summary>Streams that a connection may have, as the endpoint said last; without bound before.</summary>
    public uint AllowedStreams { get; set; } = uint.MaxValue;

    /// <summary>A connection may have room for streams: who waits gets it, in order of arrival.</summary>
    public void OnRoom(UpstreamConnection connection)
    {
        var shared = connection.Shared!;
        while (MayTake(shared) && FindPending(connection.RequestedName, wantsHttp2: true) is { } pending)
        {
            HandOver(pending, connection.OpenStream());
        }

        if (endpoint.IsRetired || connection.Generation != Generation)
        {
            shared.EndAfterStreams();
        }

        connection.BeginUnused();

        // One that takes no stream at all is no reason to open more of them; one that has room is none for who waits, whose requests are for another name.
        if ((shared.ActiveStreams > 0 || shared.HasRoom) && NeedsShared)
        {
            WakeOpener();
        }
    }

    /// <summary>A connection is no longer being opened: it could not be made, or both ends have said what they allow.</summary>
    public void EndOpening(UpstreamConnection connection)
    {
        if (connection.ExpectsHttp2 && !connection.HasOpened)
        {
            connection.HasOpened = true;
            _openingShared--;
        }
    }

    /// <summary>Another connection may be opened, or is needed: the first that waits for that looks again.</summary>
    public void WakeOpener()
    {
        if (FindOpener() is { } pending)
        {
            Remove(pending);
            pending.Over.Set();
        }
    }

    private bool MayTake(ClientConnection shared) => shared.HasRoom && (!shared.IsClogged || CountClogged() > MaxClogged);

    private int CountClogged()
    {
        var count = 0;
        foreach (var connection in _shared)
        {
            count += connection.Shared!.IsClogged ? 1 : 0;
        }

        return count;
    }

    private async LoopTask OpenSharedAsync(UpstreamConnection connection)
    {
        var result = await connection.ConnectAsync();
        if (result != ConnectResult.Connected)
        {
            OnConnectFailed(connection, result);
            connection.Close();
            return;
        }

        connection.BeginExchanges();
        if (connection.Shared is not null)
        {
            OnRoom(connection);
            return;
        }

        // The endpoint speaks HTTP/1.1: one request gets the connection, the others open their own.
        _knowsHttp1 = true;
        if (FindPending(connection.RequestedName, wantsHttp2: true) is { } pending)
        {
            HandOver(pending, connection);
        }
        else
        {
            Keep(connection);
        }

        WakeShared(null, connection);
    }

    /// <summary>Who waited for a connection that could not be made need not try again, unless others are on their way.</summary>
    private void OnConnectFailed(UpstreamConnection connection, ConnectResult result)
    {
        EndOpening(connection);
        if (_openingShared == 0)
        {
            WakeShared(result, connection);
        }
    }

    private void WakeShared(ConnectResult? result, UpstreamConnection connection)
    {
        for (var pending = _firstPending; pending is not null;)
        {
            var next = pending.Next;
            if (pending.WantsHttp2)
            {
                Remove(pending);
                if (result is not null && pending.RequestedName == connection.RequestedName)
                {
                    pending.Result = result;
                    pending.ConnectError = connection.Connection.Error;
                    pending.TransportFailure = connection.TransportFailure;
                }

                pending.Over.Set();
            }

            pending = next;
        }
    }

    private void HandOver(PendingRequest pending, UpstreamStream stream)
    {
        Remove(pending);
        pending.Stream = stream;
        pending.Over.Set();
    }

    private PendingRequest? FindPending(string? requestedName, bool wantsHttp2)
    {
        var pending = _firstPending;
        while (pending is not null && (pending.WantsHttp2 != wantsHttp2 || pending.RequestedName != requestedName))
        {
            pending = pending.Next;
        }

        return pending;
    }

    /// <summary>The first that waits for the right to open a connection, and not for one that is being opened.</summary>
    private PendingRequest? FindOpener()
    {
        var pending = _firstPending;
        while (pending is { WantsHttp2: true } && !NeedsShared)
        {
            pending = pending.Next;
        }

        return pending;
    }
}

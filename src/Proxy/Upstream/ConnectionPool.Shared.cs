namespace KubeProxyNet.Proxy.Upstream;

/// <content>
/// Connections of HTTP/2. They are never taken: a request opens a stream on the first that has room. While one is being opened, requests wait for it, as many as it
/// will carry; only those beyond open another.
/// </content>
internal sealed partial class ConnectionPool
{
    private bool _knowsHttp1;

    /// <summary>True where the endpoint, asked by ALPN, spoke HTTP/1.1 when it was last asked.</summary>
    public bool SpeaksHttp1 => endpoint.Cluster.Config.Protocol == UpstreamProtocol.Auto && _knowsHttp1;

    /// <summary>True where a request should wait for a connection that is being opened.</summary>
    public bool AwaitsShared => _pendingCount < (long)_openingShared * endpoint.Cluster.Config.Http2.MaxConcurrentStreams;

    /// <summary>Opens a stream on a connection that was opened for a name, or for none. Null where none has room.</summary>
    public UpstreamStream? TryOpenStream(ReadOnlySpan<byte> requestedName, bool isNamed)
    {
        foreach (var connection in _shared)
        {
            if (connection.Shared!.HasRoom && connection.Generation == Generation
                && (isNamed ? connection.RequestedName is { } name && System.Text.Ascii.EqualsIgnoreCase(requestedName, name) : connection.RequestedName is null))
            {
                connection.Connection.ClearDeadline();
                return connection.Shared.Open();
            }
        }

        return null;
    }

    /// <summary>A connection speaks HTTP/2 from here on.</summary>
    public void Share(UpstreamConnection connection)
    {
        _knowsHttp1 = false;
        _shared.Add(connection);
    }

    /// <summary>A connection has room for streams: who waits gets it, in order of arrival.</summary>
    public void OnRoom(UpstreamConnection connection)
    {
        var shared = connection.Shared!;
        if (endpoint.IsRetired || connection.Generation != Generation)
        {
            shared.EndAfterStreams();
        }

        for (var pending = _firstPending; pending is not null && shared.HasRoom;)
        {
            var next = pending.Next;
            if (pending.WantsHttp2 && pending.RequestedName == connection.RequestedName)
            {
                Remove(pending);
                pending.Stream = shared.Open();
                pending.Over.Set();
            }

            pending = next;
        }

        connection.BeginUnused();
    }

    /// <summary>A connection that was to be shared is not: the endpoint speaks HTTP/1.1. Who waited for it opens his own.</summary>
    public void OnHttp1(UpstreamConnection connection)
    {
        _knowsHttp1 = true;
        EndOpening(connection);
        WakePending(null);
    }

    /// <summary>A connection that was to be shared could not be made: who waited for it need not try again.</summary>
    public void OnConnectFailed(UpstreamConnection connection, ConnectResult result)
    {
        EndOpening(connection);
        if (_openingShared == 0)
        {
            WakePending(result);
        }
    }

    /// <summary>A connection is no longer being opened.</summary>
    public void EndOpening(UpstreamConnection connection)
    {
        if (connection.ExpectsHttp2 && !connection.HasOpened)
        {
            connection.HasOpened = true;
            _openingShared--;
        }
    }

    private void WakePending(ConnectResult? result)
    {
        for (var pending = _firstPending; pending is not null;)
        {
            var next = pending.Next;
            if (pending.WantsHttp2)
            {
                Remove(pending);
                pending.Result = result;
                pending.Over.Set();
            }

            pending = next;
        }
    }
}

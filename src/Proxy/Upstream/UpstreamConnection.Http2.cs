using KubeProxyNet.Proxy.Upstream.Http2;

namespace KubeProxyNet.Proxy.Upstream;

/// <content>A connection that speaks HTTP/2: shared by streams, and not used by itself.</content>
internal sealed partial class UpstreamConnection
{
    private bool _isShutDown;

    /// <summary>The streams that share it; null for HTTP/1.1.</summary>
    public ClientConnection? Shared { get; private set; }

    /// <summary>True where HTTP/2 will be spoken, as far as that is known before it stands.</summary>
    public bool ExpectsHttp2 { get; }

    /// <summary>Takes room for a stream, as <see cref="ClientConnection.Open"/>. The last that the connection may have lets it end.</summary>
    public UpstreamStream OpenStream()
    {
        var shared = Shared!;
        var stream = shared.Open();
        SetDeadlineOf(long.MaxValue);
        if (IsAtRequestLimit)
        {
            Connection.Worker.Stats.Increment(_pool.Endpoint.Cluster.Stats.MaxRequests);
            shared.EndAfterStreams();
        }

        return stream;
    }

    /// <summary>A stream has ended: who waits for one may get it.</summary>
    public void OnStreamEnded()
    {
        if (_isShutDown)
        {
            CloseIfUnused();
            return;
        }

        CountTraffic();
        _pool.OnRoom(this);
    }

    /// <summary>The endpoint has said how many streams it takes.</summary>
    public void OnSettings()
    {
        _pool.AllowedStreams = Shared!.AllowedStreams;
        _pool.EndOpening(this);
        _pool.OnRoom(this);
    }

    /// <summary>It takes no more streams while those under way go on: who waits needs another one.</summary>
    public void OnUnusable() => _pool.WakeOpener();

    /// <summary>Nothing comes or goes any more: closes once the last stream's exchange has seen it.</summary>
    public void EndShared()
    {
        _isShutDown = true;
        var stats = _pool.Endpoint.Cluster.Stats;
        var page = Connection.Worker.Stats;
        page.Add(stats.ProtocolError, Shared!.FailureCode is null ? 0 : 1);
        if (Shared.ActiveStreams > 0)
        {
            page.Increment(Connection.IsPeerClosed || Connection.Error != 0 ? stats.DestroyRemoteWithActive : stats.DestroyLocalWithActive);
        }

        CloseIfUnused();
    }

    /// <summary>Counts how long nobody uses it.</summary>
    public void BeginUnused()
    {
        if (Shared is { ActiveStreams: 0, IsOver: false })
        {
            SetDeadlineOf(_pool.Endpoint.Cluster.Config.IdleTimeout is { Ticks: > 0 } idle ? idle.Ticks / TimeSpan.TicksPerMillisecond : long.MaxValue);
        }
    }

    /// <summary>The time to do without a stream, or to live at all, has passed.</summary>
    private void OnSharedDeadline(ClientConnection shared)
    {
        if (!HasReachedMaxDuration)
        {
            shared.OnDeadline();
        }
        else if (shared.IsUsable)
        {
            Connection.Worker.Stats.Increment(_pool.Endpoint.Cluster.Stats.MaxDurationReached);
            shared.EndAfterStreams();
        }
    }

    private void SetDeadlineOf(long waitMs)
    {
        waitMs = Math.Min(waitMs, RestOfLifeMs);
        if (waitMs == long.MaxValue)
        {
            Connection.ClearDeadline();
        }
        else
        {
            Connection.SetDeadline(Math.Max(1, waitMs));
        }
    }

    private void CloseIfUnused()
    {
        if (_isShutDown && Shared is { ActiveStreams: 0 })
        {
            Close();
        }
    }

    /// <summary>True once its opening has ended, one way or the other.</summary>
    public bool HasOpened { get; set; }

    /// <summary>The connection stands, and both ends know what they speak.</summary>
    /// <param name="isRaw">True where it is no HTTP: a tunnel begins here.</param>
    public void BeginExchanges(bool isRaw = false)
    {
        var cluster = _pool.Endpoint.Cluster;
        if (isRaw)
        {
            return;
        }

        if (cluster.Config.Protocol == UpstreamProtocol.Auto ? Tls?.AlpnProtocol != "h2" : !ExpectsHttp2)
        {
            Connection.Worker.Stats.Increment(cluster.Stats.ConnectionsHttp1Total);
            _pool.EndOpening(this);
            return;
        }

        Connection.Worker.Stats.Increment(cluster.Stats.ConnectionsHttp2Total);
        Shared = new ClientConnection(this, cluster.Config.Http2, cluster.Stats.Http2, _pool.AllowedStreams);
        _pool.Share(this);
        Shared.RunAsync().Detach();
    }
}

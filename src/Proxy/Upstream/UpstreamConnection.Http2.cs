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

    /// <summary>Streams have ended, or more are allowed: who waits for one may get it.</summary>
    public void OnStreamEnded()
    {
        if (_isShutDown)
        {
            CloseIfUnused();
            return;
        }

        CountTraffic();
        if (IsAtRequestLimit && Shared is { IsUsable: true } shared)
        {
            Connection.Worker.Stats.Increment(_pool.Endpoint.Cluster.Stats.MaxRequests);
            shared.EndAfterStreams();
        }

        _pool.OnRoom(this);
    }

    /// <summary>Nothing comes or goes any more: closes once the last stream's exchange has seen it.</summary>
    public void EndShared()
    {
        _isShutDown = true;
        CloseIfUnused();
    }

    /// <summary>Counts how long nobody uses it.</summary>
    public void BeginUnused()
    {
        if (Shared is { ActiveStreams: 0 } && _pool.Endpoint.Cluster.Config.IdleTimeout is { Ticks: > 0 } idle)
        {
            Connection.SetDeadline(idle.Ticks / TimeSpan.TicksPerMillisecond);
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
    public void BeginExchanges()
    {
        var cluster = _pool.Endpoint.Cluster;
        var isAgreed = ExpectsHttp2 && (cluster.Config.Protocol != UpstreamProtocol.Auto || Tls?.AlpnProtocol == "h2");
        if (!isAgreed)
        {
            Connection.Worker.Stats.Increment(cluster.Stats.ConnectionsHttp1Total);
            if (ExpectsHttp2)
            {
                _pool.OnHttp1(this);
            }

            return;
        }

        _pool.EndOpening(this);
        Connection.Worker.Stats.Increment(cluster.Stats.ConnectionsHttp2Total);
        Shared = new ClientConnection(this, cluster.Config.Http2, cluster.Stats.Http2);
        _pool.Share(this);
        Shared.RunAsync().Detach();
    }
}

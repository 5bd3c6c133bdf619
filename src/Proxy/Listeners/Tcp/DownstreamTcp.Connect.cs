using System.IO.Hashing;
using KubeProxyNet.Proxy.Observability;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Listeners.Tcp;

/// <content>Gets a connection to an endpoint, in as many attempts as are allowed.</content>
internal sealed partial class DownstreamTcp
{
    /// <summary>False where there is none; the flags say why.</summary>
    private async LoopTask<bool> ConnectAsync()
    {
        var page = Worker.Stats;
        var target = ChooseCluster();
        if (!_snapshot.Clusters.TryGetValue(target.Name, out _cluster))
        {
            page.Increment(_state.Stats.ConnectionsNoRoute);
            _flags |= ResponseFlags.NoClusterFound;
            return false;
        }

        var stats = _cluster.State.Stats;
        var hasHash = _state.Config.HashesSourceIp && _remote.Path is null;

        // As Envoy's, so that both agree on it.
        var hash = hasHash ? XxHash64.HashToUInt64(_remote.AddressText.Span) : 0;
        while (_end == TcpEnd.None)
        {
            if (_attempts >= _state.Config.MaxConnectAttempts)
            {
                page.Increment(stats.ConnectAttemptsExceeded);
                _flags |= ResponseFlags.UpstreamRetryLimitExceeded;
                return false;
            }

            _endpoint = _cluster.LoadBalancer.Pick(new PickRequest(Worker, _cluster.State, hash, hasHash, _attempts) { Match = target.MetadataMatch });
            if (_endpoint is null)
            {
                page.Increment(stats.NoneHealthy);
                _flags |= ResponseFlags.NoHealthyUpstream;
                return false;
            }

            if (!TryTakeRight(_endpoint))
            {
                page.Increment(stats.ConnectionOverflow);
                _flags |= ResponseFlags.UpstreamOverflow;
                return false;
            }

            _attempts++;
            if (await ConnectAsync(_endpoint))
            {
                return true;
            }
        }

        return false;
    }

    private TcpClusterConfig ChooseCluster()
    {
        var clusters = _state.Config.Clusters;
        if (clusters.Length == 1)
        {
            return clusters[0];
        }

        var at = Worker.Random.Next() % _state.TotalWeight;
        foreach (var cluster in clusters)
        {
            if (at < cluster.Weight)
            {
                return cluster;
            }

            at -= cluster.Weight;
        }

        return clusters[^1];
    }

    /// <summary>The right to a new connection; there is no queue for one. False where the limit is reached.</summary>
    private bool TryTakeRight(Endpoint endpoint)
    {
        var breaker = _cluster!.State.BreakerOf(isHigh: false);
        var ofHost = endpoint.State.Connections;
        if (ofHost?.TryTake(breaker.Thresholds.MaxConnectionsPerHost) == false)
        {
            return false;
        }

        if (breaker.Connections.TryTake(Worker.Index))
        {
            return true;
        }

        ofHost?.Return();
        return false;
    }

    private async LoopTask<bool> ConnectAsync(Endpoint endpoint)
    {
        var page = Worker.Stats;
        var stats = _cluster!.State.Stats;
        var ofEndpoint = endpoint.State.PageOf(Worker);
        var upstream = ofEndpoint.Pool.Open(_cluster.State.BreakerOf(isHigh: false));
        var result = ConnectResult.Failed;
        if (upstream is not null)
        {
            _upstream = upstream;
            page.Increment(stats.PendingTotal);
            page.Add(stats.PendingActive, 1);
            result = await upstream.ConnectAsync();
            page.Add(stats.PendingActive, -1);
        }

        if (_end == TcpEnd.None && result == ConnectResult.Connected)
        {
            ofEndpoint.ActiveRequests++;
            ofEndpoint.TotalRequests++;
            page.Increment(stats.RequestsTotal);
            page.Add(stats.RequestsActive, 1);
            endpoint.State.Outlier?.Put(LocalOriginResult.ConnectSuccess, Worker.Index);
            _activityMs = Worker.NowMs;
            return true;
        }

        _connectError = upstream?.Connection.Error ?? 0;
        _transportFailure = upstream?.TransportFailure ?? [];
        _upstream = null;
        upstream?.Close();
        if (_end == TcpEnd.None)
        {
            _flags |= ResponseFlags.UpstreamConnectionFailure;
            endpoint.State.Outlier?.Put(result == ConnectResult.TimedOut ? LocalOriginResult.Timeout : LocalOriginResult.ConnectFailed, Worker.Index);
        }

        return false;
    }
}

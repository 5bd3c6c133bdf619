using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>The places that a listener's connections take under the limits of the listener, of their source and of the process. Shared by all workers, and kept over updates.</summary>
/// <param name="process">Counts the connections of all listeners.</param>
/// <param name="processSources">Counts them by source; null where that has no limit.</param>
internal sealed class ListenerPlaces(DownstreamConnectionLimit process, SourceConnections? processSources)
{
    private readonly DownstreamConnectionLimit _listener = new();
    private volatile SourceConnections? _sources;

    /// <summary>Most connections of the listener; 0 for no limit, less for none at all. Envoy's runtime sets it.</summary>
    public long Limit
    {
        set => _listener.Limit = value;
    }

    /// <summary>Takes the limit on sources on; null for none. Connections that were counted by other sources are given back there.</summary>
    public void Apply(SourceConnectionLimit? settings)
    {
        if (settings is null)
        {
            _sources = null;
        }
        else if (_sources?.TryChange(settings) != true)
        {
            _sources = new SourceConnections(settings);
        }
    }

    /// <summary>Takes a place; false where a limit is reached, which is counted.</summary>
    /// <param name="remote">The client.</param>
    /// <param name="ignoresProcess">True to be counted only where the limits are those of the process.</param>
    /// <param name="stats">Where refusals count.</param>
    /// <param name="page">The worker's.</param>
    /// <param name="place">What was taken; nothing where it was refused.</param>
    public bool TryTake(SocketEndpoint remote, bool ignoresProcess, ListenerStats stats, StatPage page, out ConnectionPlace place)
    {
        place = default;
        if (!_listener.TryTake())
        {
            page.Increment(stats.ConnectionsOverflow);
            return false;
        }

        if (!process.TryTake(ignoresProcess))
        {
            _listener.Return();
            page.Increment(stats.GlobalConnectionsOverflow);
            return false;
        }

        place = new ConnectionPlace(this, null, null);
        return TryTake(_sources, remote, isOfProcess: false, stats.SourceConnectionsOverflow, stats, page, ref place)
            && TryTake(ignoresProcess ? null : processSources, remote, isOfProcess: true, stats.GlobalSourceConnectionsOverflow, stats, page, ref place);
    }

    /// <summary>Gives a place back.</summary>
    public void Return()
    {
        _listener.Return();
        process.Return();
    }

    private static bool TryTake(
        SourceConnections? sources, SocketEndpoint remote, bool isOfProcess, Counter refusals, ListenerStats stats, StatPage page, ref ConnectionPlace place)
    {
        if (sources is null)
        {
            return true;
        }

        switch (sources.TryTake(remote.Value))
        {
            case SourceVerdict.Counted:
                place = isOfProcess ? place with { ProcessSources = sources } : place with { Sources = sources };
                return true;
            case SourceVerdict.Uncounted:
                page.Increment(stats.SourceConnectionsUncounted);
                return true;
            default:
                page.Increment(refusals);
                place.Return(remote);
                place = default;
                return false;
        }
    }
}

/// <summary>The place that a connection has under the limits. The default is none.</summary>
/// <param name="Listener">Of whose connections it is one.</param>
/// <param name="Sources">What counts it by source for the listener; null for nothing.</param>
/// <param name="ProcessSources">What counts it by source for the process; null for nothing.</param>
internal readonly record struct ConnectionPlace(ListenerPlaces? Listener, SourceConnections? Sources, SourceConnections? ProcessSources)
{
    /// <summary>Gives the place back, once.</summary>
    /// <param name="remote">The client that it was taken for.</param>
    public void Return(SocketEndpoint remote)
    {
        Listener?.Return();
        Sources?.Return(remote.Value);
        ProcessSources?.Return(remote.Value);
    }
}

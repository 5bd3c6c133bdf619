using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>Everything a request needs to know, as of one moment. Immutable; a request captures it once. Unchanged parts are shared between snapshots.</summary>
internal sealed record RuntimeSnapshot
{
    public static RuntimeSnapshot Empty { get; } = new()
    {
        Clusters = new Dictionary<string, Cluster>(StringComparer.Ordinal),
        RouteTables = new Dictionary<string, RouteTable>(StringComparer.Ordinal),
        Listeners = [],
    };

    /// <summary>Clusters by name.</summary>
    public required IReadOnlyDictionary<string, Cluster> Clusters { get; init; }

    /// <summary>Discovered route configurations by name.</summary>
    public required IReadOnlyDictionary<string, RouteTable> RouteTables { get; init; }

    /// <summary>Listeners in the order configured.</summary>
    public required IReadOnlyList<ListenerConfig> Listeners { get; init; }

    /// <summary>What operators set without new configuration.</summary>
    public RuntimeValues RuntimeValues { get; init; } = RuntimeValues.Empty;

    /// <summary>Counts snapshots.</summary>
    public long Version { get; init; }
}

/// <summary>Holds the snapshot in force. One thread publishes, every worker reads.</summary>
internal sealed class SnapshotHolder
{
    private volatile RuntimeSnapshot _current = RuntimeSnapshot.Empty;

    public RuntimeSnapshot Current => _current;

    public void Publish(RuntimeSnapshot snapshot) => _current = snapshot;
}

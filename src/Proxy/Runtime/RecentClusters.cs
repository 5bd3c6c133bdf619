using System.Diagnostics.CodeAnalysis;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>
/// The clusters that a worker's last requests went to: routes of one table mostly lead to few of them, and are found here without hashing a name. It knows those of one
/// snapshot, and forgets them with the first request that sees another.
/// </summary>
internal sealed class RecentClusters
{
    private const int Places = 64;

    private readonly Cluster?[] _clusters = new Cluster?[Places];
    private readonly string[] _names = new string[Places];
    private RuntimeSnapshot _snapshot = RuntimeSnapshot.Empty;

    /// <summary>The cluster of a route, in a snapshot; false where that has none of its name.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="target">What the route chose; it has a name (<see cref="ClusterTarget.Ordinal"/>).</param>
    /// <param name="cluster">The cluster.</param>
    public bool TryGet(RuntimeSnapshot snapshot, ClusterTarget target, [NotNullWhen(true)] out Cluster? cluster)
    {
        if (!ReferenceEquals(_snapshot, snapshot))
        {
            Array.Clear(_clusters);
            _snapshot = snapshot;
        }

        // Tables that number their clusters alike take each other's places, with other strings.
        var place = target.Ordinal & (Places - 1);
        cluster = _clusters[place];
        if (cluster is not null && ReferenceEquals(_names[place], target.Name))
        {
            return true;
        }

        if (!snapshot.Clusters.TryGetValue(target.Name, out cluster))
        {
            return false;
        }

        _clusters[place] = cluster;
        _names[place] = target.Name;
        return true;
    }
}

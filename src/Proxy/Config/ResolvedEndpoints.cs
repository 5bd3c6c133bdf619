using System.Collections.Immutable;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Hands over what DNS found. What comes while an update is under way goes into the next one together: ten thousand names that are answered at once
/// must not make ten thousand snapshots. Thread-safe; never waits.
/// </summary>
/// <param name="apply">Takes the endpoints of clusters; called by one thread at a time.</param>
internal sealed class ResolvedEndpoints(Action<IReadOnlyCollection<KeyValuePair<ClusterEntry, ImmutableArray<EndpointConfig>>>> apply)
{
    private readonly Lock _gate = new();
    private Dictionary<ClusterEntry, ImmutableArray<EndpointConfig>> _waiting = [];
    private bool _isApplying;

    /// <summary>Takes the endpoints of a cluster, in place of any that wait still.</summary>
    public void Add(ClusterEntry cluster, ImmutableArray<EndpointConfig> endpoints)
    {
        lock (_gate)
        {
            _waiting[cluster] = endpoints;
            if (_isApplying)
            {
                return;
            }

            _isApplying = true;
        }

        _ = Task.Run(ApplyAll);
    }

    private void ApplyAll()
    {
        while (true)
        {
            Dictionary<ClusterEntry, ImmutableArray<EndpointConfig>> taken;
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    _isApplying = false;
                    return;
                }

                (taken, _waiting) = (_waiting, []);
            }

            apply(taken);
        }
    }
}

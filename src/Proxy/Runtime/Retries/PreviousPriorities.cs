using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>
/// Leaves out the priorities that earlier attempts of an exchange went to: Envoy's <c>envoy.retry_priorities.previous_priorities</c>. When nothing is
/// left, it begins anew with all of them.
/// </summary>
internal sealed class PreviousPriorities
{
    private bool[] _excluded = [];
    private int _forgotten;

    /// <summary>Gets ready for another exchange.</summary>
    public void Begin()
    {
        Array.Clear(_excluded);
        _forgotten = 0;
    }

    /// <summary>An endpoint for a retry; null where there is none.</summary>
    /// <param name="exchange">Knows where attempts went.</param>
    /// <param name="request">For the balancer.</param>
    /// <param name="frequency">Attempts between two looks at them, at least 1.</param>
    public Endpoint? Pick(Exchange exchange, in PickRequest request, int frequency)
    {
        var cluster = exchange.Cluster!;
        var attempted = exchange.TryCount - _forgotten;
        if (attempted < frequency || cluster.State.Subsets is not null)
        {
            return cluster.LoadBalancer.Pick(request);
        }

        var priorities = cluster.RetryPriorities;
        if (attempted % frequency == 0)
        {
            Exclude(exchange, priorities);
        }

        return priorities.Availability(_excluded) == 0 ? cluster.LoadBalancer.Pick(request) : priorities.Pick(request, _excluded);
    }

    private void Exclude(Exchange exchange, RetryPriorities priorities)
    {
        if (_excluded.Length < priorities.Count)
        {
            Array.Resize(ref _excluded, priorities.Count);
        }

        for (var i = _forgotten; i < exchange.TryCount; i++)
        {
            _excluded[exchange.TriedPriority(i)] = true;
        }

        if (priorities.Availability(_excluded) == 0)
        {
            Array.Clear(_excluded);
            _forgotten = exchange.TryCount;
        }
    }
}

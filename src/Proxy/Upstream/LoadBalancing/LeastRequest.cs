using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The least busy of a few random endpoints ("power of two choices", Mitzenmacher 2001). A worker compares its own requests under way
/// divided by weight, which is unbiased since each worker sees its own share of all endpoints.
/// </summary>
internal sealed class LeastRequest(Endpoint[] endpoints, int choices) : ILoadBalancer
{
    public Endpoint? Pick(Worker worker, ClusterState state)
    {
        var best = endpoints[worker.Random.Next(endpoints.Length)];
        for (var i = 1; i < choices && endpoints.Length > 1; i++)
        {
            var other = endpoints[worker.Random.Next(endpoints.Length)];
            if (IsLessBusy(other, best, worker))
            {
                best = other;
            }
        }

        return best;
    }

    private static bool IsLessBusy(Endpoint a, Endpoint b, Worker worker)
    {
        // (active + 1) / weight, cross-multiplied.
        var loadA = (a.State.PageOf(worker).ActiveRequests + 1L) * b.Config.Weight;
        var loadB = (b.State.PageOf(worker).ActiveRequests + 1L) * a.Config.Weight;
        return loadA < loadB;
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The least busy of a few random endpoints of equal weight ("power of two choices", Mitzenmacher 2001). A worker compares its own requests
/// under way, which is unbiased since each worker sees its own share of all endpoints.
/// </summary>
internal sealed class LeastRequest(Endpoint[] endpoints, int choices) : ILoadBalancer
{
    public IEnumerable<Endpoint> Candidates => endpoints;

    public Endpoint? Pick(in PickRequest request)
    {
        var worker = request.Worker;
        var best = endpoints[worker.Random.Next(endpoints.Length)];
        for (var i = 1; i < choices && endpoints.Length > 1; i++)
        {
            var other = endpoints[worker.Random.Next(endpoints.Length)];
            if (Busyness(other, worker) < Busyness(best, worker))
            {
                best = other;
            }
        }

        return best;
    }

    private static int Busyness(Endpoint endpoint, Worker worker) => endpoint.State.PageOf(worker).ActiveRequests;
}

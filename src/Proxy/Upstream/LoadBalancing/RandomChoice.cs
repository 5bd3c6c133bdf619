using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>A random endpoint, as often as its weight says.</summary>
internal sealed class RandomChoice(Endpoint[] schedule) : ILoadBalancer
{
    public Endpoint? Pick(Worker worker, ClusterState state) => schedule[worker.Random.Next(schedule.Length)];
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Chooses an endpoint of a cluster. Immutable and shared by all workers; what a choice needs to remember lies in per-worker state.</summary>
internal interface ILoadBalancer
{
    /// <summary>An endpoint for one request, in constant time and without allocation; null where none is usable.</summary>
    Endpoint? Pick(Worker worker, ClusterState state);
}

/// <summary>Makes the balancer that a cluster's configuration asks for.</summary>
internal static class LoadBalancerFactory
{
    public static ILoadBalancer Create(ClusterConfig config, Endpoint[] usable) => config.LoadBalancing switch
    {
        _ when usable.Length == 0 => NoEndpoint.Instance,
        LoadBalancingPolicy.LeastRequest => new LeastRequest(usable, config.ChoiceCount),
        LoadBalancingPolicy.Random => new RandomChoice(WeightedSchedule.Build(usable)),
        _ => new RoundRobin(WeightedSchedule.Build(usable)),
    };

    private sealed class NoEndpoint : ILoadBalancer
    {
        public static readonly NoEndpoint Instance = new();

        public Endpoint? Pick(Worker worker, ClusterState state) => null;
    }
}

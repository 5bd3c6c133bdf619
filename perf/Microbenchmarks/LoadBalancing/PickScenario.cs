using System.Net;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Microbenchmarks.LoadBalancing;

/// <summary>A cluster of so many endpoints, and picks from it on a worker that does not run.</summary>
internal sealed class PickScenario : IDisposable
{
    /// <summary>Picks of one call.</summary>
    public const int Picks = 1000;

    private readonly Worker _worker;
    private readonly Cluster _cluster;

    private PickScenario(LoadBalancingPolicy policy, EndpointConfig[] endpoints)
    {
        var registry = new StatRegistry();
        _worker = new Worker(0, registry.CreatePage(), TimeProvider.System, 7, new DescriptorBudget(limit: 1000), static bug => throw bug);
        var store = new ClusterStore(registry, [_worker], TimeProvider.System);
        _cluster = store.Build(new ClusterSpecification(new ClusterConfig { Name = "c", LoadBalancing = policy }, [.. endpoints]));
        foreach (var endpoint in _cluster.Endpoints)
        {
            // As after the first request to it.
            _ = endpoint.State.PageOf(_worker);
        }
    }

    /// <summary>Policies and weights.</summary>
    public static IReadOnlyList<string> Names { get; } = ["round robin, equal", "round robin, weighted", "least request, equal", "least request, weighted", "random, weighted", "Maglev"];

    /// <summary>Numbers of endpoints.</summary>
    public static IReadOnlyList<int> Sizes { get; } = [10, 1000, 10_000];

    /// <summary>The policy's name.</summary>
    public string Policy => _cluster.LoadBalancer.GetType().Name;

    public static PickScenario Create(string name, int size)
    {
        var random = new WorkerRandom(1);
        var isWeighted = name.EndsWith("weighted", StringComparison.Ordinal);
        var policy = name.Split(',')[0] switch
        {
            "round robin" => LoadBalancingPolicy.RoundRobin,
            "least request" => LoadBalancingPolicy.LeastRequest,
            "random" => LoadBalancingPolicy.Random,
            _ => LoadBalancingPolicy.Maglev,
        };
        return new PickScenario(policy, [.. Enumerable.Range(1, size).Select(port => new EndpointConfig
        {
            Address = new SocketEndpoint(IPAddress.Loopback, port),
            Weight = isWeighted ? 1 + random.Next(1_000_000) : 1,
        })]);
    }

    /// <summary>Picks, and adds up the ports so that nothing is optimised away.</summary>
    public int PickAll()
    {
        var ports = 0;
        var balancer = _cluster.LoadBalancer;
        for (var i = 0; i < Picks; i++)
        {
            ports += balancer.Pick(new PickRequest(_worker, _cluster.State, (ulong)i * 0x9E3779B97F4A7C15, HasHash: true, 0))!.Config.Address.Port;
        }

        return ports;
    }

    // The thread never started, so there is nothing to stop.
    public void Dispose() => _worker.Dispose();
}

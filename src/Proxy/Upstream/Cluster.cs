using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>A cluster of one snapshot: its configuration, its endpoints and a load balancer over the usable ones. Immutable.</summary>
internal sealed class Cluster
{
    public Cluster(ClusterConfig config, ImmutableArray<Endpoint> endpoints, ClusterState state)
    {
        Config = config;
        Endpoints = endpoints;
        State = state;
        LoadBalancer = LoadBalancerFactory.Create(config, UsablePriority(endpoints));
    }

    public ClusterConfig Config { get; }

    public ImmutableArray<Endpoint> Endpoints { get; }

    public ClusterState State { get; }

    public ILoadBalancer LoadBalancer { get; }

    /// <summary>True where a pick may give the endpoint now.</summary>
    public bool IsCandidate(Endpoint endpoint) => Array.IndexOf(UsablePriority(Endpoints), endpoint) >= 0;

    /// <summary>The usable endpoints of the first priority that has any.</summary>
    private static Endpoint[] UsablePriority(ImmutableArray<Endpoint> endpoints)
    {
        var usable = endpoints.Where(static endpoint => endpoint.Config.IsUsable).ToArray();
        if (usable.Length == 0)
        {
            return usable;
        }

        var first = usable.Min(static endpoint => endpoint.Config.Priority);
        return Array.TrueForAll(usable, endpoint => endpoint.Config.Priority == first)
            ? usable
            : Array.FindAll(usable, endpoint => endpoint.Config.Priority == first);
    }
}

/// <summary>What is kept of a cluster over updates; identity is its name and configuration.</summary>
internal sealed class ClusterState(ClusterConfig config, ClusterStats stats, int workers)
{
    private readonly int[] _turns = new int[workers * TurnStride];
    private readonly CircuitBreaker _default = new(config.DefaultThresholds, workers);
    private readonly CircuitBreaker _high = new(config.HighThresholds, workers);

    // A cache line apart, since workers write them at the rate of requests.
    private const int TurnStride = 16;

    public ClusterConfig Config { get; } = config;

    public ClusterStats Stats { get; } = stats;

    /// <summary>The cluster's name in UTF-8, for logs.</summary>
    public byte[] NameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.Name);

    /// <summary>Its name in statistics in UTF-8, for logs.</summary>
    public byte[] StatNameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.StatName);

    /// <summary>The limits for requests of the high or the default priority.</summary>
    public CircuitBreaker BreakerOf(bool isHigh) => isHigh ? _high : _default;

    /// <summary>Shows the limits in the statistics.</summary>
    public void Observe(StatRegistry registry)
    {
        _default.Observe(registry, BreakerPrefix("default"));
        _high.Observe(registry, BreakerPrefix("high"));
    }

    /// <summary>The cluster is gone.</summary>
    public void StopObserving(StatRegistry registry)
    {
        CircuitBreaker.StopObserving(registry, BreakerPrefix("default"));
        CircuitBreaker.StopObserving(registry, BreakerPrefix("high"));
    }

    private string BreakerPrefix(string priority) => $"cluster.{Config.StatName}.circuit_breakers.{priority}.";

    /// <summary>The worker's place in the round; workers start apart, so that they do not march in step.</summary>
    public ref int TurnOf(int worker) => ref _turns[worker * TurnStride];
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// A cluster of one snapshot: its configuration and its endpoints, which never change, and a load balancer over the endpoints as healthy as they
/// are now, which <see cref="Rebalance"/> replaces.
/// </summary>
internal sealed class Cluster
{
    private readonly AssignmentPolicy _policy;
    private volatile ILoadBalancer _loadBalancer;
    private volatile RetryPriorities? _retryPriorities;

    public Cluster(ClusterConfig config, ImmutableArray<Endpoint> endpoints, AssignmentPolicy policy, ClusterState state)
    {
        Config = config;
        Endpoints = endpoints;
        _policy = policy;
        State = state;
        _loadBalancer = BuildBalancer();
    }

    public ClusterConfig Config { get; }

    public ImmutableArray<Endpoint> Endpoints { get; }

    public ClusterState State { get; }

    /// <summary>The balancer in force. Read once for each pick.</summary>
    public ILoadBalancer LoadBalancer => _loadBalancer;

    /// <summary>Builds the balancer again from the health that endpoints have now, and puts it into force. For <see cref="ClusterStore"/> alone.</summary>
    public void Rebalance()
    {
        _loadBalancer = BuildBalancer();
        _retryPriorities = null;
    }

    /// <summary>The priority levels for retries that leave some out; made when a policy first asks for them.</summary>
    public RetryPriorities RetryPriorities => _retryPriorities ??= new RetryPriorities(Config, Endpoints, _policy, State.Workers);

    private ILoadBalancer BuildBalancer()
    {
        foreach (var endpoint in Endpoints)
        {
            endpoint.State.NoteAvailability(endpoint.Availability);
        }

        return LoadBalancerFactory.Create(Config, Endpoints, _policy, State.Workers);
    }
}

/// <summary>What is kept of a cluster over updates; identity is its name and configuration.</summary>
internal sealed class ClusterState(ClusterConfig config, ClusterStats stats, int workers, TimeProvider time) : IObservedGauges
{
    private readonly CircuitBreaker _default = new(config.DefaultThresholds, workers);
    private readonly CircuitBreaker _high = new(config.HighThresholds, workers);
    private volatile bool _hasHadTraffic;

    public ClusterConfig Config { get; } = config;

    public ClusterStats Stats { get; } = stats;

    /// <summary>Ejects outliers; null where there is no outlier detection.</summary>
    public OutlierDetector? Outlier { get; init; }

    /// <summary>Clock off the workers.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>Number of workers.</summary>
    public int Workers { get; } = workers;

    /// <summary>Its active checks; null where it has none. Set before the first endpoint is there.</summary>
    public ClusterHealthChecks? HealthChecks { get; set; }

    /// <summary>True once a connection for traffic was opened.</summary>
    public bool HasHadTraffic => _hasHadTraffic;

    /// <summary>The cluster's name in UTF-8, for logs.</summary>
    public byte[] NameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.Name);

    /// <summary>Its name in statistics in UTF-8, for logs.</summary>
    public byte[] StatNameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.StatName);

    /// <summary>The limits for requests of the high or the default priority.</summary>
    public CircuitBreaker BreakerOf(bool isHigh) => isHigh ? _high : _default;

    /// <summary>A connection for traffic is opened. For any worker.</summary>
    public void NoteTraffic()
    {
        // Written once: the line stays in every worker's cache.
        if (!_hasHadTraffic)
        {
            _hasHadTraffic = true;
        }
    }

    void IObservedGauges.Read(GaugeReader read)
    {
        _default.Read(BreakerPrefix("default"), read);
        _high.Read(BreakerPrefix("high"), read);
    }

    /// <summary>The cluster is gone.</summary>
    public void StopObserving(StatRegistry registry)
    {
        registry.StopObserving(this);
        Outlier?.Dispose();
    }

    private string BreakerPrefix(string priority) => $"cluster.{Config.StatName}.circuit_breakers.{priority}.";
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Proxy.Upstream.TransportSockets;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// A cluster of one snapshot: its configuration and its endpoints, which never change, and a load balancer over the endpoints as healthy as they
/// are now, which <see cref="Rebalance"/> replaces.
/// </summary>
internal sealed class Cluster
{
    private readonly AssignmentPolicy _policy;
    private volatile ILoadBalancer _loadBalancer;
    private volatile RetryPrioritiesSlot _retryPriorities = new();
    private volatile HostIndex? _hosts;

    /// <summary>A cluster of one snapshot.</summary>
    /// <param name="config">Its configuration.</param>
    /// <param name="endpoints">Its endpoints.</param>
    /// <param name="policy">How their health becomes load.</param>
    /// <param name="state">What is kept of it.</param>
    /// <param name="previous">The one that it replaces; null for none.</param>
    public Cluster(ClusterConfig config, ImmutableArray<Endpoint> endpoints, AssignmentPolicy policy, ClusterState state, Cluster? previous = null)
    {
        Config = config;
        Endpoints = endpoints;
        _policy = policy;
        State = state;
        _loadBalancer = BuildBalancer(previous?.State == state && previous._policy == policy ? previous.LoadBalancer : null);
    }

    public ClusterConfig Config { get; }

    public ImmutableArray<Endpoint> Endpoints { get; }

    public ClusterState State { get; }

    /// <summary>The balancer in force. Read once for each pick.</summary>
    public ILoadBalancer LoadBalancer => _loadBalancer;

    /// <summary>The endpoints that requests may go to now; for people who ask.</summary>
    /// <param name="match">What their route asks of metadata; null for nothing.</param>
    public IEnumerable<Endpoint> CandidatesOf(MetadataMatch? match) => LoadBalancer is SubsetBalancer subsets ? subsets.CandidatesOf(match) : LoadBalancer.Candidates;

    /// <summary>Builds the balancer again from the health that endpoints have now, and puts it into force. For <see cref="ClusterStore"/> alone.</summary>
    /// <param name="keepsParts">False where other options are in force, so that parts of the last balancer are of no use.</param>
    public void Rebalance(bool keepsParts = true)
    {
        _loadBalancer = BuildBalancer(keepsParts ? _loadBalancer : null);

        // A new slot and not an empty one: a worker that is making the levels out of the health before keeps them in the old one.
        _retryPriorities = new RetryPrioritiesSlot();
    }

    /// <summary>The priority levels for retries that leave some out; made when a policy first asks for them.</summary>
    public RetryPriorities RetryPriorities
    {
        get
        {
            var slot = _retryPriorities;
            return slot.Made ??= new RetryPriorities(State.Balanced, Endpoints, _policy, State.Workers);
        }
    }

    /// <summary>The endpoint at an address, in UTF-8; null for none. The index is made when a session first asks.</summary>
    public Endpoint? EndpointAt(ReadOnlySpan<byte> address) => (_hosts ??= new HostIndex(Endpoints)).Find(address);

    private ILoadBalancer BuildBalancer(ILoadBalancer? previous)
    {
        foreach (var endpoint in Endpoints)
        {
            endpoint.State.NoteAvailability(endpoint.Availability);
        }

        var balancer = LoadBalancerFactory.Create(State, Endpoints, _policy, previous);
        State.NoteTable(balancer.Table);
        return balancer;
    }
}

/// <summary>The levels for retries, as of the health that one balancer was built from.</summary>
internal sealed class RetryPrioritiesSlot
{
    private volatile RetryPriorities? _made;

    /// <summary>The levels; null until they are asked for. Two workers may make them at once; then one of the two is kept.</summary>
    public RetryPriorities? Made
    {
        get => _made;
        set => _made = value;
    }
}

/// <summary>What is kept of a cluster over updates; identity is its name and configuration.</summary>
internal sealed class ClusterState(ClusterConfig config, ClusterStats stats, int workers, TimeProvider time) : IObservedGauges
{
    private readonly CircuitBreaker _default = new(config.DefaultThresholds, workers);
    private readonly CircuitBreaker _high = new(config.HighThresholds, workers);
    private volatile ClusterConfig _balanced = config;
    private volatile bool _hasHadTraffic;
    private volatile IHashTable? _table;
    private volatile MaintenanceMode? _maintenance;
    private volatile UpstreamTlsContexts _tls = UpstreamTlsContexts.None;

    public ClusterConfig Config { get; } = config;

    /// <summary>The configuration that balancers are built by: with what the runtime says of balancing.</summary>
    public ClusterConfig Balanced => _balanced;

    public ClusterStats Stats { get; } = stats;

    /// <summary>Ejects outliers; null where there is no outlier detection.</summary>
    public OutlierDetector? Outlier { get; init; }

    /// <summary>The requests that are turned away; null, as nearly always, for none.</summary>
    public MaintenanceMode? Maintenance => _maintenance;

    /// <summary>Clock off the workers.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>Number of workers.</summary>
    public int Workers { get; } = workers;

    /// <summary>Where the proxy is, for a cluster whose balancer asks; null for others.</summary>
    public ZoneRouting? Zones { get; init; }

    /// <summary>The statistics of its subsets; null where it has none.</summary>
    public SubsetStats? Subsets { get; init; }

    /// <summary>Its active checks; null where it has none. Set before the first endpoint is there.</summary>
    public ClusterHealthChecks? HealthChecks { get; set; }

    /// <summary>How endpoints are spoken to now. The configuration thread writes it.</summary>
    public ClusterTransportSockets TransportSockets => _tls.Sockets;

    /// <summary>The contexts that endpoints are spoken to with from now on. The configuration thread writes it.</summary>
    public UpstreamTlsContexts Tls
    {
        get => _tls;
        set => _tls = value;
    }

    /// <summary>True once a connection for traffic was opened.</summary>
    public bool HasHadTraffic => _hasHadTraffic;

    /// <summary>The cluster's name in UTF-8, for logs.</summary>
    public byte[] NameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.Name);

    /// <summary>Its name in statistics in UTF-8, for logs.</summary>
    public byte[] StatNameText { get; } = System.Text.Encoding.UTF8.GetBytes(config.StatName);

    /// <summary>The name of the header field that says what server name to ask for, in lower case; empty for the request's authority.</summary>
    public byte[] ServerNameHeader { get; } = System.Text.Encoding.ASCII.GetBytes(config.OverrideAutoSniHeader);

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

    /// <summary>Other values of the runtime are in force. For the thread that applies configuration.</summary>
    /// <param name="runtime">The values.</param>
    /// <param name="changes">True where balancers have to be built anew, and where workers have to return their stocks of the circuit breakers.</param>
    public void Apply(RuntimeValues runtime, out (bool Balancing, bool Stocks) changes)
    {
        changes.Stocks = _default.Change(CircuitBreakerRuntime.Apply(Config.DefaultThresholds, runtime, Config.Name, "default"))
            | _high.Change(CircuitBreakerRuntime.Apply(Config.HighThresholds, runtime, Config.Name, "high"));
        Outlier?.Apply(runtime);
        if (HealthChecks is { } checks)
        {
            checks.Schedule.Runtime = runtime;
        }

        _maintenance = MaintenanceMode.Of(Config.Name, runtime);
        var balancing = LoadBalancerRuntime.Apply(Config.Balancing, runtime);
        changes.Balancing = balancing != _balanced.Balancing;
        if (changes.Balancing)
        {
            _balanced = Config with { Balancing = balancing };
        }
    }

    void IObservedGauges.Read(GaugeReader read)
    {
        _default.Read(BreakerPrefix("default"), read);
        _high.Read(BreakerPrefix("high"), read);
        foreach (var (name, value) in TableGauges())
        {
            read(name, value(_table), GaugeMerge.Max);
        }
    }

    /// <summary>The cluster is gone.</summary>
    public void StopObserving(StatRegistry registry)
    {
        registry.StopObserving(this);
        Outlier?.Dispose();
        Subsets?.End();
    }

    /// <summary>Shows the size of a table of hashes. For the thread that builds balancers.</summary>
    public void NoteTable(IHashTable? table)
    {
        if (Config.UsesHash)
        {
            _table = table;
        }
    }

    /// <summary>Envoy's gauges of the hashing balancers (Envoy documentation, "Ring hash load balancer statistics", "Maglev load balancer statistics").</summary>
    private (string Name, Func<IHashTable?, long> Read)[] TableGauges() => Config.LoadBalancing switch
    {
        LoadBalancingPolicy.RingHash =>
        [
            ($"cluster.{Config.StatName}.ring_hash_lb.size", static table => table?.Size.Entries ?? 0),
            ($"cluster.{Config.StatName}.ring_hash_lb.min_hashes_per_host", static table => table?.Size.Least ?? 0),
            ($"cluster.{Config.StatName}.ring_hash_lb.max_hashes_per_host", static table => table?.Size.Most ?? 0),
        ],
        LoadBalancingPolicy.Maglev =>
        [
            ($"cluster.{Config.StatName}.maglev_lb.min_entries_per_host", static table => table?.Size.Least ?? 0),
            ($"cluster.{Config.StatName}.maglev_lb.max_entries_per_host", static table => table?.Size.Most ?? 0),
        ],
        _ => [],
    };

    private string BreakerPrefix(string priority) => $"cluster.{Config.StatName}.circuit_breakers.{priority}.";
}

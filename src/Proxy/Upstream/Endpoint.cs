using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// An endpoint of one snapshot: what discovery says of it, and the <see cref="EndpointState"/> that outlives snapshots. Immutable.
/// </summary>
internal sealed record Endpoint(EndpointConfig Config, EndpointState State)
{
    /// <summary>What it is good for now: the worst of what discovery says and what was found at run time.</summary>
    public Availability Availability
    {
        get
        {
            const HostHealthFlags Failed = HostHealthFlags.FailedActiveHealthCheck | HostHealthFlags.FailedOutlierCheck;
            var found = State.Health.Flags;
            if ((found & Failed) != HostHealthFlags.None || Config.Health is EndpointHealth.Unhealthy or EndpointHealth.Draining or EndpointHealth.Timeout)
            {
                return Availability.Unhealthy;
            }

            return found.HasFlag(HostHealthFlags.DegradedActiveHealthCheck) || Config.Health == EndpointHealth.Degraded
                ? Availability.Degraded
                : Availability.Healthy;
        }
    }

    /// <summary>Its health in one word, as a set of one: what was found at run time goes before what discovery says.</summary>
    public HealthStatuses HealthStatus => Availability switch
    {
        Availability.Unhealthy when Config.Health is EndpointHealth.Draining or EndpointHealth.Timeout && !State.Health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck) =>
            (HealthStatuses)(1 << (int)Config.Health),
        Availability.Unhealthy => HealthStatuses.Unhealthy,
        Availability.Degraded => HealthStatuses.Degraded,
        _ => (HealthStatuses)(1 << (int)Config.Health),
    };

    /// <summary>True where it does not count among those that the share of usable ones is taken of: Envoy's excluded hosts.</summary>
    public bool IsExcluded =>
        (State.Health.Flags & (HostHealthFlags.PendingActiveHealthCheck | HostHealthFlags.ExcludedViaImmediateHealthCheckFail)) != HostHealthFlags.None;
}

/// <summary>
/// What is kept of an endpoint over updates: its connections and its load, a page a worker. Identity is cluster and address.
/// <see cref="Retire"/> is called by the configuration thread; the rest belongs to the worker whose page it is.
/// </summary>
internal sealed class EndpointState(SocketEndpoint address, ClusterState cluster, int workers)
{
    private readonly EndpointPage?[] _pages = new EndpointPage?[workers];
    private volatile bool _retired;
    private volatile UpstreamTls? _tls;
    private volatile UpstreamTls? _tlsOfChecks;
    private volatile string _hostname = "";
    private volatile SocketEndpoint _address = address;
    private volatile SocketEndpoint[] _additionalAddresses = [];
    private EndpointHealthCheck? _healthCheck;

    /// <summary>Where new connections go.</summary>
    public SocketEndpoint Address => _address;

    /// <summary>Where else they may go, where that does not answer: tried in order.</summary>
    public ReadOnlyMemory<SocketEndpoint> AdditionalAddresses => _additionalAddresses;

    public ClusterState Cluster { get; } = cluster;

    /// <summary>TLS that new connections use; null for plain text. The configuration thread writes it.</summary>
    public UpstreamTls? Tls
    {
        get => _tls;
        set => _tls = value;
    }

    /// <summary>TLS that new connections for health checks use; null for plain text. The configuration thread writes it.</summary>
    public UpstreamTls? TlsOfChecks
    {
        get => _tlsOfChecks;
        set => _tlsOfChecks = value;
    }

    /// <summary>Its host name; empty for none. The configuration thread writes it.</summary>
    public string Hostname
    {
        get => _hostname;
        set => _hostname = value;
    }

    /// <summary>Counts connections where there is a limit of those to one endpoint; null otherwise.</summary>
    public ConnectionCount? Connections { get; } =
        cluster.Config.DefaultThresholds.MaxConnectionsPerHost is null && cluster.Config.HighThresholds.MaxConnectionsPerHost is null ? null : new ConnectionCount();

    /// <summary>Its health as found at run time.</summary>
    public HostHealth Health { get; } = new();

    /// <summary>Takes what becomes of attempts; null where the cluster has no outlier detection. Set before anybody else knows the endpoint.</summary>
    public HostMonitor? Outlier { get; set; }

    /// <summary>Its active checks; null where it is not checked. The configuration thread writes it.</summary>
    public EndpointHealthCheck? HealthCheck
    {
        get => Volatile.Read(ref _healthCheck);
        set => Volatile.Write(ref _healthCheck, value);
    }

    /// <summary>When it became healthy, as a timestamp of <see cref="ClusterState.Time"/>; 0 while it is not. The configuration thread writes it.</summary>
    public long HealthySince { get; private set; }

    /// <summary>True once no snapshot holds the endpoint: what still runs ends, nothing is kept.</summary>
    public bool IsRetired => _retired;

    /// <summary>This worker's page, made on first use.</summary>
    public EndpointPage PageOf(Worker worker) => _pages[worker.Index] ??= new EndpointPage(new ConnectionPool(worker, this)) { Latency = PeakEwmaLatency.Of(Cluster) };

    /// <summary>Requests under way over all workers, as of some recent moment.</summary>
    public long ActiveRequests => Sum(static page => page.ActiveRequests);

    /// <summary>Requests sent over all workers, as of some recent moment.</summary>
    public long TotalRequests => Sum(static page => page.TotalRequests);

    /// <summary>Connections open over all workers, as of some recent moment.</summary>
    public long ActiveConnections => Sum(static page => page.Pool.OpenConnections);

    /// <summary>Requests answered with 5xx or not at all, over all workers.</summary>
    public long FailedRequests => Sum(static page => page.FailedRequests);

    /// <summary>Notes when it becomes healthy and when it is no longer. For the configuration thread, before it builds a balancer.</summary>
    public void NoteAvailability(Availability availability)
    {
        if (availability != Availability.Healthy)
        {
            HealthySince = 0;
        }
        else if (HealthySince == 0)
        {
            HealthySince = Math.Max(1, Cluster.Time.GetTimestamp());
        }
    }

    /// <summary>Sets where else it may be reached. The configuration thread calls it.</summary>
    public void SetAdditionalAddresses(ValueList<SocketEndpoint> addresses)
    {
        if (addresses.Count > 0 || _additionalAddresses.Length > 0)
        {
            _additionalAddresses = [.. addresses];
        }
    }

    /// <summary>Sends new connections elsewhere; those that are open stay (a logical endpoint).</summary>
    public void MoveTo(SocketEndpoint address) => _address = address;

    /// <summary>Takes the endpoint out of use: idle connections close, busy ones after their request.</summary>
    public void Retire(IReadOnlyList<Worker> workers)
    {
        _retired = true;
        foreach (var worker in workers)
        {
            if (Volatile.Read(ref _pages[worker.Index]) is { } page)
            {
                worker.Post(page.Pool.CloseIdle);
            }
        }
    }

    /// <summary>Closes the connections that are open: idle ones at once, busy ones after their request. What comes later opens new ones. For any thread.</summary>
    public void DrainConnections(IReadOnlyList<Worker> workers)
    {
        foreach (var worker in workers)
        {
            if (Volatile.Read(ref _pages[worker.Index]) is { } page)
            {
                worker.Post(page.Pool.Drain);
            }
        }
    }

    private long Sum(Func<EndpointPage, long> value)
    {
        long sum = 0;
        foreach (var page in _pages)
        {
            sum += page is null ? 0 : value(page);
        }

        return sum;
    }
}

/// <summary>One worker's share of an endpoint.</summary>
internal sealed class EndpointPage(ConnectionPool pool)
{
    public ConnectionPool Pool { get; } = pool;

    public int ActiveRequests { get; set; }

    public long TotalRequests { get; set; }

    public long FailedRequests { get; set; }

    /// <summary>How long answers take; null where no balancer asks.</summary>
    public PeakEwmaLatency? Latency { get; init; }
}

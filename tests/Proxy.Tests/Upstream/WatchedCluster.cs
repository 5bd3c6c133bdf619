using System.Net;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>A detector over so many endpoints, with time and chance in the test's hand. What workers report is judged at once.</summary>
internal sealed class WatchedCluster : IDisposable
{
    public const int Workers = 2;

    private readonly OutlierDetector _detector;
    private readonly OutlierDetectionConfig _config;
    private readonly ClusterState _state;

    public WatchedCluster(int hosts, OutlierDetectionConfig config)
    {
        _config = config;
        var cluster = new ClusterConfig { Name = "c", OutlierDetection = config };
        var surroundings = new OutlierSurroundings(Clock, new WorkerRandom(11), static work => work(), _ => Rebalances++, Events: null);
        _detector = new OutlierDetector("c", config, new OutlierStats(Stats, "c"), surroundings);
        _state = new ClusterState(cluster, new ClusterStats(Stats, "c"), Workers, Clock) { Outlier = _detector };
        Hosts = [.. Enumerable.Range(1, hosts).Select(NewHost)];
        SetHosts(Hosts);
    }

    public TimerClock Clock { get; } = new();

    public StatRegistry Stats { get; } = new();

    public HostMonitor[] Hosts { get; }

    public OutlierDetector Detector => _detector;

    /// <summary>How often the load balancer had to follow.</summary>
    public int Rebalances { get; private set; }

    /// <summary>The endpoints that are out, by their place.</summary>
    public IEnumerable<int> Ejected => Enumerable.Range(0, Hosts.Length).Where(i => IsEjected(Hosts[i]));

    public static bool IsEjected(HostMonitor host) => host.Endpoint.Health.Flags.HasFlag(HostHealthFlags.FailedOutlierCheck);

    public HostMonitor NewHost(int port)
    {
        var endpoint = new EndpointState(new SocketEndpoint(IPAddress.Loopback, port), _state, Workers);
        return endpoint.Outlier = _detector.Watch(endpoint);
    }

    public void SetHosts(params HostMonitor[] hosts) => _detector.SetHosts(hosts.Select(static host => host.Endpoint));

    /// <summary>Answers of an endpoint, spread over the workers.</summary>
    public static void Answer(HostMonitor host, int status, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            host.PutStatus(status, i % Workers);
        }
    }

    /// <summary>Lets intervals pass.</summary>
    public void Pass(int intervals = 1)
    {
        for (var i = 0; i < intervals; i++)
        {
            Clock.Advance(_config.Interval);
        }
    }

    public long Stat(string name) => Stats.Collect().Value($"cluster.c.outlier_detection.{name}");

    public void Dispose() => _detector.Dispose();
}

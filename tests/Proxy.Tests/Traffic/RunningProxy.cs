using System.Collections.Immutable;
using System.Net;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The engine with one listener on a free port, and routes and clusters as the test wants them.</summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    private readonly AccessLogWriter _logs;

    private RunningProxy(int workers)
    {
        Stats = new StatRegistry();
        _logs = new AccessLogWriter(Stats);
        Engine = new ProxyEngine(workers, Stats, _logs, TimeProvider.System, NullLogger.Instance);
    }

    public ProxyEngine Engine { get; }

    public StatRegistry Stats { get; }

    public int Port => Engine.AddressOf("test")!.Port;

    /// <summary>A proxy that sends everything to one cluster, <c>backend</c>, of these ports.</summary>
    public static RunningProxy To(params int[] ports) => Start(Everything("backend"), [Cluster("backend", ports)]);

    public static RunningProxy Start(
        RouteTable routes, ClusterSpecification[] clusters, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null, int workers = 1)
    {
        var proxy = new RunningProxy(workers);
        var http = new HttpConnectionManagerConfig { StatPrefix = "test", InlineRoutes = routes, UseRemoteAddress = true };
        var failures = proxy.Engine.Apply(new ConfigurationChange
        {
            Clusters = clusters.ToDictionary(static cluster => cluster.Config.Name, static cluster => (ClusterSpecification?)cluster),
            Listeners = [new ListenerConfig { Name = "test", Address = new SocketEndpoint(IPAddress.Loopback, 0), Http = configure?.Invoke(http) ?? http }],
        });
        failures.Should().BeEmpty();
        return proxy;
    }

    public static RouteTable Everything(string cluster, Func<ForwardAction, ForwardAction>? configure = null)
    {
        var action = new ForwardAction { Cluster = new SingleCluster(cluster) };
        return Table(new Route { Match = new RouteMatch { Path = new PathPrefix("/") }, Action = configure?.Invoke(action) ?? action });
    }

    public static RouteTable Table(params Route[] routes) => RouteTable.Compile(new RouteConfiguration
    {
        Name = "test",
        VirtualHosts = [new VirtualHost { Name = "all", Domains = ["*"], Routes = [.. routes] }],
    });

    public static ClusterSpecification Cluster(string name, params int[] ports) => new(
        new ClusterConfig { Name = name, ConnectTimeout = TimeSpan.FromSeconds(2) },
        [.. ports.Select(static port => new EndpointConfig { Address = new SocketEndpoint(IPAddress.Loopback, port) })]);

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        _logs.Dispose();
    }
}

using System.Collections.Concurrent;
using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>
/// The engine with one listener on a free port, and routes and clusters as the test wants them. When it is disposed, no client connection
/// may be left, every block must be back in its pool, and no bug may have reached a worker's loop.
/// </summary>
internal sealed class RunningProxy : IAsyncDisposable
{
    /// <summary>What <see cref="LogAsync"/> reads: the fields that tests judge an exchange by.</summary>
    private const string LogFormat = "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT%\n";

    private readonly AccessLogWriter _logs;
    private readonly TempFolder _folder = new();
    private readonly BugCatcher _bugs = new();

    private RunningProxy(int workers, TimeProvider time, OverloadConfig? overload)
    {
        Stats = new StatRegistry();
        _logs = new AccessLogWriter(Stats);
        Engine = new ProxyEngine(workers, Stats, _logs, time, _bugs, overload ?? new OverloadConfig());
    }

    public ProxyEngine Engine { get; }

    public StatRegistry Stats { get; }

    public int Port => Engine.AddressOf("test")!.Port;

    /// <summary>The listener as it was configured.</summary>
    public ListenerConfig Listener { get; private set; } = null!;

    /// <summary>False for a test that ends while clients are connected.</summary>
    public bool ExpectsNoConnections { get; set; } = true;

    /// <summary>A proxy that sends everything to one cluster, <c>backend</c>, of these ports.</summary>
    public static RunningProxy To(params int[] ports) => Start(Everything("backend"), [Cluster("backend", ports)]);

    /// <summary>A proxy that sends everything to one cluster, <c>backend</c>, on one port, with other settings.</summary>
    public static RunningProxy To(int port, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> configure, TimeProvider? time = null) =>
        Start(Everything("backend"), [Cluster("backend", port)], configure, time: time);

    public static RunningProxy Start(
        RouteTable routes,
        ClusterSpecification[] clusters,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? configure = null,
        int workers = 1,
        TimeProvider? time = null,
        Func<ListenerConfig, ListenerConfig>? listener = null,
        OverloadConfig? overload = null)
    {
        var proxy = new RunningProxy(workers, time ?? TimeProvider.System, overload);
        var http = new HttpConnectionManagerConfig
        {
            StatPrefix = "test",
            InlineRoutes = routes,
            UseRemoteAddress = true,
            DelayedCloseTimeout = TimeSpan.FromMilliseconds(100),
            AccessLogs = [new AccessLogConfig(proxy._folder.File("access.log"), AccessLogFormat.Parse(LogFormat))],
        };
        proxy.Listener = new ListenerConfig
        {
            Name = "test",
            Address = new SocketEndpoint(IPAddress.Loopback, 0),
            FilterChains = [new FilterChainConfig { Http = configure?.Invoke(http) ?? http }],
        };
        proxy.Listener = listener?.Invoke(proxy.Listener) ?? proxy.Listener;
        var failures = proxy.Engine.Apply(new ConfigurationChange
        {
            Clusters = clusters.ToDictionary(static cluster => cluster.Config.Name, static cluster => (ClusterSpecification?)cluster),
            Listeners = [proxy.Listener],
        });
        failures.Should().BeEmpty();
        return proxy;
    }

    public static RouteTable Everything(string cluster, Func<ForwardAction, ForwardAction>? configure = null)
    {
        var action = new ForwardAction { Cluster = new SingleCluster(cluster) };
        return Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = configure?.Invoke(action) ?? action });
    }

    public static RouteTable Table(params Route[] routes) => RouteTable.Compile(new RouteConfiguration
    {
        Name = "test",
        VirtualHosts = [new VirtualHost { Name = "all", Domains = ["*"], Routes = [.. routes] }],
    }, KubeProxyNet.Proxy.Config.Re2Syntax.Read);

    public static ClusterSpecification Cluster(string name, params int[] ports) => new(
        new ClusterConfig { Name = name, ConnectTimeout = TimeSpan.FromSeconds(2) },
        [.. ports.Select(static port => new EndpointConfig { Address = new SocketEndpoint(IPAddress.Loopback, port) })]);

    /// <summary>The counter or gauge of that name as it is now.</summary>
    public long Stat(string name) => Stats.Collect().Value(name);

    /// <summary>Waits until so many exchanges were logged and returns the last line, without its end.</summary>
    public async Task<string> LogAsync(int lines = 1) => (await LogLinesAsync(lines))[lines - 1];

    /// <summary>Waits until so many exchanges were logged and returns all lines, without their ends.</summary>
    public async Task<string[]> LogLinesAsync(int lines)
    {
        string[] logged = [];
        await Patience.UntilAsync(
            async () =>
            {
                await _logs.FlushAsync();
                logged = await File.ReadAllLinesAsync(_folder.File("access.log"));
                return logged.Length >= lines;
            },
            $"{lines} lines in the access log");
        return logged;
    }

    /// <summary>Waits until no client is connected.</summary>
    public Task WaitForNoConnectionsAsync() => Patience.UntilAsync(() => Engine.ConnectionCount == 0, "the end of all client connections");

    public async ValueTask DisposeAsync()
    {
        if (ExpectsNoConnections)
        {
            await WaitForNoConnectionsAsync();

            // Health checks go on, and hold blocks and a stream for as long as they take.
            await Patience.UntilAsync(async () => await Engine.RentedBlocksAsync() == 0, "every block back in its pool");
            await Patience.UntilAsync(() => HeldByStreams().Length == 0, $"the end of all streams of HTTP/2, and of what waits on them: {string.Join(", ", HeldByStreams())}");
        }

        await Engine.DisposeAsync();
        _logs.Dispose();
        _folder.Dispose();
        _bugs.Found.Should().BeEmpty();
    }

    private string[] HeldByStreams() =>
    [
        .. Stats.Collect().Values
            .Where(static stat => stat.Value != 0 && (stat.Name.EndsWith("http2.streams_active", StringComparison.Ordinal) || stat.Name.EndsWith("http2.pending_send_bytes", StringComparison.Ordinal)))
            .Select(static stat => $"{stat.Name}: {stat.Value}"),
    ];

    private sealed class BugCatcher : ILogger
    {
        public ConcurrentQueue<string> Found { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                Found.Enqueue($"{formatter(state, exception)}: {exception}");
            }
        }
    }
}

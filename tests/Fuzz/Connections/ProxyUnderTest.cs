using System.Collections.Concurrent;
using System.Net;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Fuzz.Connections;

/// <summary>The engine with one worker, so that all clients meet on it, in front of one backend.</summary>
internal sealed class ProxyUnderTest : ILogger, IAsyncDisposable
{
    private const int BackendAddresses = 16;

    private readonly StatRegistry _stats = new();
    private readonly AccessLogWriter _logs;
    private readonly ProxyEngine _engine;

    public ProxyUnderTest(int backendPort)
    {
        _logs = new AccessLogWriter(_stats);
        _engine = new ProxyEngine(1, _stats, _logs, TimeProvider.System, this);
        var cluster = new ClusterSpecification(
            new ClusterConfig { Name = "backend", ConnectTimeout = TimeSpan.FromSeconds(30) },
            [.. Enumerable.Range(1, BackendAddresses).Select(last => new EndpointConfig { Address = new SocketEndpoint(new IPAddress([127, 0, 0, (byte)last]), backendPort) })]);
        var failures = _engine.Apply(new ConfigurationChange
        {
            Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = cluster },
            Listeners = [new ListenerConfig { Name = "fuzz", Address = new SocketEndpoint(IPAddress.Any, 0), FilterChains = [new FilterChainConfig { Http = Http() }] }],
        });
        if (failures.Count > 0)
        {
            throw new InvalidOperationException("the listener could not be opened");
        }
    }

    /// <summary>What should not happen and did: bugs that reached the worker's loop.</summary>
    public ConcurrentQueue<string> Bugs { get; } = new();

    public int Port => _engine.AddressOf("fuzz")!.Port;

    /// <summary>Requests that the proxy has judged: served, answered itself or refused.</summary>
    public long Judged => _stats.Collect().Value("http.fuzz.downstream_rq_total");

    /// <summary>Waits for the end of the last connections; false where some stay, or hold memory.</summary>
    public async Task<string?> WhatIsLeftAsync()
    {
        for (var i = 0; i < 600 && (_engine.ConnectionCount > 0 || await _engine.RentedBlocksAsync() > 0); i++)
        {
            await Task.Delay(100);
        }

        var blocks = await _engine.RentedBlocksAsync();
        var active = _stats.Collect().Value("http.fuzz.downstream_rq_active");
        return _engine.ConnectionCount + blocks + active == 0 ? null : $"{_engine.ConnectionCount} connections, {blocks} blocks and {active} requests are left";
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        _logs.Dispose();
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Error)
        {
            Bugs.Enqueue($"{formatter(state, exception)}: {exception}");
        }
    }

    private static HttpConnectionManagerConfig Http() => new()
    {
        StatPrefix = "fuzz",
        UseRemoteAddress = true,
        AcceptHttp10 = true,
        Http2 = new Http2Options { EndsOnlyStreamOfInvalidMessage = true, AllowConnect = true },
        RequestHeadersTimeout = TimeSpan.FromMinutes(5),
        DelayedCloseTimeout = TimeSpan.FromMilliseconds(200),
        Upgrades = [new UpgradeConfig("websocket")],
        AccessLogs = [new AccessLogConfig("/dev/null", AccessLogFormat.Parse("%REQ(:METHOD)% %REQ(:PATH)% %REQ(X-M)% %RESP(X-M)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DURATION%\n"))],
        InlineRoutes = RouteTable.Compile(
            new RouteConfiguration
            {
                Name = "fuzz",
                VirtualHosts =
                [
                    new VirtualHost
                    {
                        Name = "all",
                        Domains = ["*"],
                        Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend"), Timeout = TimeSpan.FromMinutes(5) } }],
                    },
                ],
            },
            Re2Syntax.Read),
    };
}

using System.Net;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Validation;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy;

/// <summary>A bootstrap that cannot be run; the message lists every fault.</summary>
public sealed class ProxyConfigurationException(string message) : Exception(message);

/// <summary>
/// A whole proxy: the engine, what configures it and the admin page. Composition only. Static configuration is in force when
/// <see cref="StartAsync"/> returns; what discovery adds follows as it arrives.
/// </summary>
public sealed partial class ProxyServer : IAsyncDisposable
{
    private const int FewDescriptors = 1024;

    private static readonly TimeSpan IdleGraceOnDrain = TimeSpan.FromSeconds(1);

    private readonly DiscoveryStats _discoveryStats;
    private ProxyOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly StatRegistry _registry = new();
    private readonly AccessLogWriter _logs;
    private readonly ProxyEngine _engine;
    private readonly ConfigurationState _state;
    private readonly TaskCompletionSource _quit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly RuntimeLoader _runtime;
    private readonly List<ResourceFile> _files = [];
    private AdsClient? _ads;
    private SecretClients? _secrets;
    private AdminServer? _admin;
    private Task? _drained;

    private ProxyServer(ProxyOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        _options = options;
        _time = time;
        _logger = loggers.CreateLogger("proxy");
        _logs = new AccessLogWriter(_registry, loggers.CreateLogger("access_log"));
        var concurrency = options.Concurrency > 0 ? options.Concurrency : Environment.ProcessorCount;
        _engine = new ProxyEngine(concurrency, _registry, _logs, time, loggers.CreateLogger("engine"),
            OverloadTranslator.Translate(options.Bootstrap.OverloadManager, new TranslationProblems(), ConfigPath.Root));
        _runtime = new RuntimeLoader(
            options.Bootstrap.LayeredRuntime, NodeIdentity.Of(options.Bootstrap, options.ServiceNode, options.ServiceCluster).Cluster, _engine.Apply, _registry, time, _logger);
        _state = new ConfigurationState(_engine, _registry, time, _logger);
        _discoveryStats = new DiscoveryStats(_registry);
        var resolvers = new DnsResolvers(
            DnsResolverTranslator.OfBootstrap(options.Bootstrap, new TranslationProblems()), new SystemNames(time, System.Net.Dns.GetHostName()), time, _stop.Token);
        _state.DnsClusterAdded = new DnsResolution(_state, resolvers, _registry, time, _logger).Follow;
    }

    /// <summary>Completes when everything that discovery owes for a start has arrived, or its time is over.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Completes when the admin page was asked to end the process.</summary>
    public Task QuitRequested => _quit.Task;

    /// <summary>Where the admin page is; null where the bootstrap has none.</summary>
    public IPEndPoint? AdminAddress => _admin?.Address;

    /// <summary>The bound address of a listener; null while it is not open.</summary>
    public SocketEndpoint? ListenerAddress(string name) => _engine.AddressOf(name);

    private ServerState State => _engine.IsDraining || _engine.IsHealthCheckFailed ? ServerState.Draining
        : _ready.Task.IsCompleted ? ServerState.Live
        : ServerState.Initializing;

    /// <summary>Starts a proxy.</summary>
    /// <exception cref="ProxyConfigurationException">
    /// The bootstrap asks for what cannot be done, or for an address that cannot be listened on; every fault is named.
    /// </exception>
    public static async Task<ProxyServer> StartAsync(ProxyOptions options, ILoggerFactory loggers, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var server = new ProxyServer(options, loggers, time ?? TimeProvider.System);
        try
        {
            await server.RunAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Ends service without losing a request: stops accepting, answers what runs with <c>Connection: close</c>, and completes when the last
    /// connection has ended or <see cref="ProxyOptions.DrainTime"/> is over. Calling it again waits for the same end.
    /// </summary>
    public Task DrainAsync()
    {
        lock (_files)
        {
            return _drained ??= DrainOnceAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_ads is not null)
        {
            await _ads.DisposeAsync();
        }

        if (_secrets is not null)
        {
            await _secrets.DisposeAsync();
        }

        _runtime.Dispose();
        _files.ForEach(static file => file.Dispose());
        _state.Dispose();
        if (_admin is not null)
        {
            await _admin.DisposeAsync();
        }

        await _engine.DisposeAsync();
        _logs.Dispose();
        _stop.Dispose();
    }

    private void UseLocalCluster(Bootstrap bootstrap)
    {
        if (bootstrap.ClusterManager?.LocalClusterName is { Length: > 0 } name)
        {
            _engine.UseLocalCluster(name, EndpointTranslator.TextOf(bootstrap.Node?.Locality));
        }
    }

    private async Task RunAsync()
    {
        var bootstrap = _options.Bootstrap;
        ThrowOn(BootstrapCheck.ConnectionProblems(bootstrap));
        var connection = ControlPlaneConnection.Of(bootstrap, new TranslationProblems(), _time);
        var secretServices = new SecretServiceTargets(bootstrap, _time);
        _state.SecretServiceFault = secretServices.FaultOf;
        LogOutlierEvents(bootstrap.ClusterManager?.OutlierDetection?.EventLogPath);
        UseLocalCluster(bootstrap);
        ApplyStatic(bootstrap);
        if (_engine.Descriptors is { Limit: < FewDescriptors } few)
        {
            LogFewDescriptors(_logger, few.Limit, few.ClientLimit);
        }

        var node = NodeIdentity.Of(bootstrap, _options.ServiceNode, _options.ServiceCluster);
        await StartAdminAsync(bootstrap, node);
        var application = new DiscoveryApplication(_state, _runtime, _discoveryStats, _logger);
        StartFile(connection.ClusterFile, connection.ClusterFolder, XdsTypeUrls.Cluster, application);
        StartFile(connection.ListenerFile, connection.ListenerFolder, XdsTypeUrls.Listener, application);
        if (connection.Ads is not null)
        {
            _ads = new AdsClient(
                connection.Ads, node, connection.ClustersOverAds, connection.ListenersOverAds, _runtime.Discovered, _state, application, _registry, _time, _logger);
            _ads.Start();
        }

        _secrets = new SecretClients(secretServices, node, _state, _discoveryStats, new SecretStats(_registry, _time), _time, _logger);
        _secrets.Start();
        ObserveServer();
        _options = _options with { Places = null };
        _ = AnnounceReadyAsync(connection.InitialFetchTimeout);
    }

    private void LogOutlierEvents(string? path)
    {
        if (string.IsNullOrEmpty(path))
        {
            return;
        }

        try
        {
            _engine.LogOutlierEvents(_logs.Open(path), _time);
        }
        catch (IOException error)
        {
            var place = ConfigPath.Root.Field("cluster_manager").Field("outlier_detection").Field("event_log_path");
            ThrowOn([new ConfigProblem(ConfigProblemKind.Invalid, place, error.Message.TrimEnd('.'), "nothing is served until then")]);
        }
    }

    /// <summary>What Envoy tells of the process (Envoy documentation, "Server statistics").</summary>
    private void ObserveServer()
    {
        var started = _time.GetTimestamp();
        _registry.Observe("server.days_until_first_cert_expiring", () => _state.Certificates().SelectMany(static context => context.All)
            .Select(certificate => certificate.DaysUntilExpiration(_time.GetUtcNow())).DefaultIfEmpty().Min());
        _registry.Observe("server.concurrency", () => _engine.Concurrency);
        _registry.Observe("server.live", () => State == ServerState.Live ? 1 : 0);
        _registry.Observe("server.memory_allocated", static () => GC.GetTotalMemory(forceFullCollection: false));
        _registry.Observe("server.memory_physical_size", static () => Environment.WorkingSet);
        _registry.Observe("server.state", () => (long)State);
        _registry.Observe("server.total_connections", () => _engine.ConnectionCount);
        _registry.Observe("server.uptime", () => (long)_time.GetElapsedTime(started).TotalSeconds);
    }

    private void ApplyStatic(Bootstrap bootstrap)
    {
        var controlPlane = ControlPlaneConnection.ClusterNames(bootstrap);
        var resources = bootstrap.StaticResources ?? new Bootstrap.Types.StaticResources();
        ThrowOn([.. _state.SetSecrets(resources.Secrets, "", ResourceOrigin.Bootstrap, SecretSource.Bootstrap).Rejections
            .SelectMany(rejection => ProblemsOf(rejection, BootstrapCheck.PlaceOfSecret(bootstrap, rejection.Name)))]);
        var clusters = resources.Clusters.Where(cluster => !controlPlane.Contains(cluster.Name)).ToArray();
        var ofClusters = _state.SetClusters(clusters, [], "", ResourceOrigin.Bootstrap).Rejections
            .SelectMany(rejection => ProblemsOf(rejection, BootstrapCheck.PlaceOfCluster(bootstrap, rejection.Name)));
        var ofListeners = _state.SetListeners([.. resources.Listeners], [], "", ResourceOrigin.Bootstrap).Rejections
            .SelectMany(rejection => ProblemsOf(rejection, BootstrapCheck.PlaceOfListener(bootstrap, rejection.Name)));
        ThrowOn([.. ofClusters, .. ofListeners]);
    }

    /// <summary>The problems of a resource as those of the bootstrap. A listener that is right but cannot be opened has a problem with its address.</summary>
    private static IEnumerable<ConfigProblem> ProblemsOf(ResourceRejection rejection, ConfigPath place) => rejection.Problems.Count > 0
        ? rejection.Problems.Select(problem => problem with { Path = problem.Path.Under(place) })
        : [new ConfigProblem(ConfigProblemKind.Invalid, place.Field("address"), rejection.Reason, "nothing is served until then")];

    private void ThrowOn(IReadOnlyList<ConfigProblem> problems)
    {
        if (problems.Count > 0)
        {
            var prefix = _options.Places is null && _options.ConfigPath.Length > 0 ? _options.ConfigPath + ": " : "";
            throw new ProxyConfigurationException(string.Join(Environment.NewLine, problems.Select(problem => prefix + BootstrapCheck.Describe(problem, _options.Places))));
        }
    }

    private void StartFile(string? path, string? folder, string typeUrl, DiscoveryApplication application)
    {
        if (path is not null)
        {
            var file = new ResourceFile(path, folder, typeUrl, application, _logger);
            _files.Add(file);
            file.Start();
        }
    }

    private async Task StartAdminAsync(Bootstrap bootstrap, Node node)
    {
        if (bootstrap.Admin?.Address?.SocketAddress is not { } socket)
        {
            return;
        }

        var source = new AdminSource(_engine, _state, _options with { Places = null }, node, _ready.Task, _time);
        var actions = new AdminActions(this);
        var address = new IPEndPoint(IPAddress.Parse(socket.Address), (int)socket.PortValue);
        try
        {
            _admin = await AdminServer.StartAsync(address, _registry, source, actions, _time);
        }
        catch (IOException error)
        {
            ThrowOn([new ConfigProblem(ConfigProblemKind.Invalid, ConfigPath.Root.Field("admin").Field("address"), error.Message.TrimEnd('.'), "nothing is served until then")]);
        }

        if (_options.AdminAddressPath is { } path)
        {
            await File.WriteAllTextAsync(path, _admin!.Address.ToString());
        }
    }

    private async Task AnnounceReadyAsync(TimeSpan limit)
    {
        try
        {
            if (_ads is not null)
            {
                await Task.WhenAny(_ads.InitialFetch, Task.Delay(limit, _time, _stop.Token));
                _stop.Token.ThrowIfCancellationRequested();
                if (!_ads.InitialFetch.IsCompleted)
                {
                    LogInitialFetchTimedOut(_logger, limit.TotalSeconds);
                }
            }

            // Each resource that waits has a limit of its own.
            await _state.Warm.WaitAsync(_stop.Token);

            // As in Envoy; each check has a timeout.
            await _engine.FirstHealthChecks.WaitAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        _ready.TrySetResult();
    }

    private async Task DrainOnceAsync()
    {
        var connections = _engine.ConnectionCount;
        LogDraining(_logger, connections, _options.DrainTime.TotalSeconds);
        var isComplete = await _engine.DrainAsync(_options.DrainTime, IdleGraceOnDrain, _time);
        if (!isComplete)
        {
            LogDrainEnded(_logger, _engine.ConnectionCount);
        }
    }

    private sealed class AdminActions(ProxyServer server) : IAdminActions
    {
        public void DrainListeners(bool graceful) => _ = server.DrainAsync();

        public void Quit() => server._quit.TrySetResult();

        public void FailHealthCheck(bool fail) => server._engine.IsHealthCheckFailed = fail;

        public string? ModifyRuntime(IReadOnlyCollection<KeyValuePair<string, string>> changes) => server._runtime.Modify(changes);

        public void ReopenLogs() => server._logs.Reopen();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the control plane did not deliver clusters and listeners within {Seconds} s; going on with what is there")]
    private static partial void LogInitialFetchTimedOut(ILogger logger, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the process may open {Limit} descriptors, which is room for {Clients} clients at once; others wait to be accepted; raise the limit (ulimit -n, LimitNOFILE)")]
    private static partial void LogFewDescriptors(ILogger logger, long limit, long clients);

    [LoggerMessage(Level = LogLevel.Information, Message = "draining: {Connections} connections have up to {Seconds} s to end")]
    private static partial void LogDraining(ILogger logger, int connections, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the drain time is over; {Connections} connections are cut")]
    private static partial void LogDrainEnded(ILogger logger, int connections);
}

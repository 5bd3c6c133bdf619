using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>What changes from the snapshot in force to the next. What is not named stays, and is shared.</summary>
public sealed record ConfigurationChange
{
    /// <summary>Clusters by name; null removes one.</summary>
    public IReadOnlyDictionary<string, ClusterSpecification?> Clusters { get; init; } = new Dictionary<string, ClusterSpecification?>();

    /// <summary>Discovered route tables by name; null removes one.</summary>
    public IReadOnlyDictionary<string, RouteTable?> RouteTables { get; init; } = new Dictionary<string, RouteTable?>();

    /// <summary>All listeners; null leaves them as they are.</summary>
    public IReadOnlyList<ListenerConfig>? Listeners { get; init; }
}

/// <summary>A cluster could not be built and is as it was; the others were.</summary>
public sealed record ClusterFailure(string Cluster, string Message);

/// <summary>
/// The running data plane: its workers, listeners and the snapshot in force. Configuration comes in as changes, one thread at a time; a
/// change goes live in one swap and disturbs no running request.
/// </summary>
public sealed partial class ProxyEngine : IAsyncDisposable
{
    private readonly Worker[] _workers;
    private readonly WorkerRuntime[] _runtimes;
    private readonly SnapshotHolder _snapshots = new();
    private readonly DrainState _drain = new();
    private readonly OverloadState _overload = new();
    private readonly DownstreamConnectionLimit _connections = new();
    private readonly OverloadConfig _connectionLimits;
    private readonly OverloadMonitor _monitor;
    private readonly HandshakeLog _handshakes;
    private readonly StatRegistry _registry;
    private readonly Counter _resets;
    private readonly ClusterStore _clusters;
    private readonly HealthChecker _healthChecker;
    private readonly ListenerSet _listeners;
    private readonly Lock _applying = new();
    private bool _isDisposed;

    /// <summary>Starts the workers; nothing listens yet.</summary>
    /// <param name="concurrency">Number of workers, at least 1.</param>
    /// <param name="registry">Where everything is counted.</param>
    /// <param name="logs">Where access logs go.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">For what should not happen.</param>
    /// <param name="overload">How the process protects itself; null for the defaults.</param>
    public ProxyEngine(int concurrency, StatRegistry registry, AccessLogWriter logs, TimeProvider time, ILogger logger, OverloadConfig? overload = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(concurrency, 1);
        var seed = (ulong)time.GetTimestamp();
        var descriptors = new DescriptorBudget();
        var memory = new MemoryAllowance();
        _workers = [.. Enumerable.Range(0, concurrency).Select(index =>
            new Worker(index, registry.CreatePage(), time, seed + (ulong)index, descriptors, bug => LogBug(logger, bug), memory))];
        overload ??= OverloadConfig.Default;
        _connectionLimits = overload;
        _connections.Limit = overload.MaxDownstreamConnections;
        var sources = overload.SourceConnections is { } limit ? new SourceConnections(limit) : null;
        _runtimes = Array.ConvertAll(_workers, worker => new WorkerRuntime(worker, _snapshots, _drain, _overload, _connections, sources));
        foreach (var runtime in _runtimes)
        {
            runtime.Worker.Spares.Add(runtime);
        }

        _handshakes = new HandshakeLog(logger, time);
        _healthChecker = new HealthChecker(registry, _workers, Rebalance) { OpenLog = path => OpenLog(logs, path, logger) };
        _clusters = new ClusterStore(registry, _workers, time, _healthChecker) { HealthChanged = Rebalance, HandshakeFailures = _handshakes };
        _listeners = new ListenerSet(_runtimes, registry, logs, new TlsContexts(registry, _handshakes, time));
        registry.Observe("server.worker_heap_allocated_bytes", () => HeapAllocatedBytes());
        registry.Observe("server.worker_blocks_rented_bytes", () => _workers.Sum(static worker => worker.Blocks.RentedBytes));
        registry.Observe("server.worker_blocks_rented", () => _workers.Sum(static worker => worker.Blocks.Rented));
        foreach (var worker in _workers)
        {
            worker.Start();
        }

        _registry = registry;
        _resets = registry.Counter($"overload.{OverloadNames.Of(OverloadAction.ResetHighMemoryStream)}.count");
        _monitor = new OverloadMonitor(overload, _overload, _connections, ProcessMemory.Resident, ResetLargest, GiveBackUnusedAsync, memory, registry, time, logger);
    }

    /// <summary>Number of workers.</summary>
    public int Concurrency => _workers.Length;

    /// <summary>True once draining has begun.</summary>
    public bool IsDraining => _drain.IsDraining;

    /// <summary>True while the admin page was told to fail health checks; traffic is served all the same.</summary>
    public bool IsHealthCheckFailed { get; set; }

    /// <summary>Open client connections, as of some recent moment.</summary>
    public int ConnectionCount => _listeners.Open.Sum(static listener => listener.ConnectionCount);

    /// <summary>Completes when every endpoint that is actively checked was checked once.</summary>
    public Task FirstHealthChecks => _healthChecker.FirstChecks;

    /// <summary>The snapshot in force.</summary>
    internal RuntimeSnapshot Snapshot => _snapshots.Current;

    /// <summary>The open listeners.</summary>
    internal IReadOnlyCollection<OpenListener> OpenListeners => _listeners.Open;

    /// <summary>What the process does against overload now.</summary>
    internal OverloadState Overload => _overload;

    /// <summary>The bound address of a listener; null where it is not open.</summary>
    public SocketEndpoint? AddressOf(string listener) => _listeners.Open.FirstOrDefault(open => open.Config.Name == listener)?.Address;

    /// <summary>Logs ejections and what ends them to a file, from the clusters that are applied from now on.</summary>
    public void LogOutlierEvents(AccessLogFile file, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(file);
        lock (_applying)
        {
            _clusters.OutlierEvents = new OutlierEventLog(file, _registry.CreatePage(), time);
        }
    }

    /// <summary>Keeps requests in the proxy's own zone, in the clusters that are applied from now on.</summary>
    /// <param name="clusterName">The cluster whose endpoints are this proxy and those like it (<c>local_cluster_name</c>).</param>
    /// <param name="locality">Where this proxy runs: region, zone and sub-zone, joined by '/'.</param>
    public void UseLocalCluster(string clusterName, string locality)
    {
        lock (_applying)
        {
            _clusters.Zone = new LocalZone(clusterName, locality);
        }
    }

    /// <inheritdoc cref="Apply(ConfigurationChange, out IReadOnlyList{ClusterFailure})"/>
    public IReadOnlyList<ListenerFailure> Apply(ConfigurationChange change) => Apply(change, out _);

    /// <summary>Puts a change into force. Listeners that cannot be opened are returned; everything else goes live.</summary>
    /// <param name="change">What changes.</param>
    /// <param name="refused">The clusters whose certificates or keys the library refuses; they stay as they are.</param>
    public IReadOnlyList<ListenerFailure> Apply(ConfigurationChange change, out IReadOnlyList<ClusterFailure> refused)
    {
        ArgumentNullException.ThrowIfNull(change);
        var failures = new List<ClusterFailure>();
        refused = failures;
        lock (_applying)
        {
            var current = _snapshots.Current;
            var clusters = current.Clusters;
            if (change.Clusters.Count > 0)
            {
                var next = new Dictionary<string, Cluster>(current.Clusters, StringComparer.Ordinal);
                foreach (var (name, specification) in change.Clusters)
                {
                    if (specification is null)
                    {
                        next.Remove(name);
                        _clusters.Remove(name);
                    }
                    else
                    {
                        Build(specification, next, failures);
                    }
                }

                clusters = next;
            }

            var tables = current.RouteTables;
            if (change.RouteTables.Count > 0)
            {
                var next = new Dictionary<string, RouteTable>(current.RouteTables, StringComparer.Ordinal);
                foreach (var (name, table) in change.RouteTables)
                {
                    if (table is null)
                    {
                        next.Remove(name);
                    }
                    else
                    {
                        table.BindStats(_registry);
                        next[name] = table;
                    }
                }

                tables = next;
            }

            foreach (var chain in (change.Listeners ?? []).SelectMany(static listener => listener.AllFilterChains))
            {
                chain.Http?.InlineRoutes?.BindStats(_registry);
            }

            _snapshots.Publish(new RuntimeSnapshot
            {
                Clusters = clusters,
                RouteTables = tables,
                Listeners = change.Listeners ?? current.Listeners,
                RuntimeValues = current.RuntimeValues,
                Version = current.Version + 1,
            });
            _clusters.RetireLeaving();
            return change.Listeners is null || IsDraining ? [] : _listeners.Apply(change.Listeners);
        }
    }

    /// <summary>Puts other runtime values into force.</summary>
    public void Apply(RuntimeValues values)
    {
        lock (_applying)
        {
            _clusters.Apply(values);
            _listeners.Apply(values);
            if (_connectionLimits.FollowsRuntime)
            {
                _connections.Limit = ConnectionLimits.Of(values, ConnectionLimits.GlobalKey) ?? _connectionLimits.MaxDownstreamConnections;
            }

            _snapshots.Publish(_snapshots.Current with { RuntimeValues = values, Version = _snapshots.Current.Version + 1 });
        }
    }

    /// <summary>The health of a cluster's endpoints changed: its load balancer follows, without a new snapshot. Not for workers.</summary>
    internal void Rebalance(string cluster)
    {
        lock (_applying)
        {
            if (!_isDisposed && _clusters.Rebalance(cluster) is { } smaller)
            {
                var current = _snapshots.Current;
                var clusters = new Dictionary<string, Cluster>(current.Clusters, StringComparer.Ordinal) { [cluster] = smaller };
                _snapshots.Publish(current with { Clusters = clusters, Version = current.Version + 1 });
                _clusters.RetireLeaving();
            }
        }
    }

    /// <summary>Marks the proxy as going away: every response from now on ends its connection. Listeners stay open.</summary>
    public void BeginDrain() => _drain.Begin();

    /// <summary>
    /// Stops accepting, lets what runs come to its end with <c>Connection: close</c>, and completes when no connection is left or the time is
    /// over. A connection that stays idle for <paramref name="idleGrace"/> is closed.
    /// </summary>
    /// <returns>True where every connection ended by itself.</returns>
    public async Task<bool> DrainAsync(TimeSpan limit, TimeSpan idleGrace, TimeProvider time)
    {
        BeginDrain();
        await _listeners.StopAcceptingAsync();
        _listeners.DrainConnections((long)idleGrace.TotalMilliseconds);
        var start = time.GetTimestamp();
        while (ConnectionCount > 0)
        {
            if (time.GetElapsedTime(start) >= limit)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
        }

        return true;
    }

    /// <summary>One cluster that cannot be must not keep the rest of a change from going live.</summary>
    private void Build(ClusterSpecification specification, Dictionary<string, Cluster> clusters, List<ClusterFailure> failures)
    {
        try
        {
            clusters[specification.Config.Name] = _clusters.Build(specification);
        }
        catch (TlsException error)
        {
            failures.Add(new ClusterFailure(specification.Config.Name, error.Message));
        }
    }

    /// <summary>Bytes that the workers have allocated on the GC heap since their start: flat in steady state. Each worker is asked; 0 where one does not answer soon.</summary>
    private long HeapAllocatedBytes()
    {
        var answerLimit = TimeSpan.FromMilliseconds(200);
        var answers = Array.ConvertAll(_workers, static worker => AskAsync(worker, GC.GetAllocatedBytesForCurrentThread));
        return Task.WaitAll(answers, answerLimit) ? answers.Sum(static answer => answer.GetAwaiter().GetResult()) : 0;
    }

    /// <summary>Blocks that connections hold now, over all workers: zero once every connection has ended.</summary>
    internal Task<int> RentedBlocksAsync() => SumAsync(static worker => worker.Blocks.Rented);

    /// <summary>Their bytes.</summary>
    internal Task<int> RentedBytesAsync() => SumAsync(static worker => (int)worker.Blocks.RentedBytes);

    /// <summary>What the process may have open.</summary>
    internal DescriptorBudget Descriptors => _workers[0].Descriptors;

    /// <summary>Sockets of connections on both sides, over all workers.</summary>
    internal long OpenDescriptors => _workers[0].Descriptors.Open;

    /// <summary>Timers of all workers, less those that look after what is kept for later: zero once nothing runs and nothing is waited for.</summary>
    internal Task<int> TimersAsync() => SumAsync(static worker => worker.Timers.Count - worker.Spares.Timers);

    /// <summary>What the workers keep for later, in bytes of blocks and in exchanges.</summary>
    internal async Task<(long Bytes, int Exchanges)> SparesAsync()
    {
        var bytes = Array.ConvertAll(_runtimes, static runtime => AskAsync(runtime.Worker, () => runtime.Worker.Blocks.SpareBytes));
        var exchanges = Array.ConvertAll(_runtimes, static runtime => AskAsync(runtime.Worker, () => runtime.SpareExchanges));
        return ((await Task.WhenAll(bytes)).Sum(), (await Task.WhenAll(exchanges)).Sum());
    }

    private async Task<int> SumAsync(Func<Worker, int> read)
    {
        var counts = await Task.WhenAll(_workers.Select(worker => AskAsync(worker, () => read(worker))));
        return counts.Sum();
    }

    /// <summary>What a worker answers in its next turn.</summary>
    private static Task<T> AskAsync<T>(Worker worker, Func<T> read)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        worker.Post(() => answer.SetResult(read()));
        return answer.Task;
    }

    /// <summary>Resets the connections that hold the most memory.</summary>
    internal void ResetLargest()
    {
        foreach (var listener in _listeners.Open)
        {
            listener.ResetLargest(count => _registry.Shared.Add(_resets, count));
        }
    }

    /// <summary>Has every worker give back the memory of blocks and exchanges that it keeps for later, in its next turn.</summary>
    internal Task GiveBackUnusedAsync() => Task.WhenAll(_runtimes.Select(static runtime => AskAsync(runtime.Worker, () =>
    {
        runtime.Worker.Blocks.GiveBack();
        runtime.Trim();
        return true;
    })));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _monitor.Dispose();
        lock (_applying)
        {
            _clusters.End();
        }

        await _listeners.StopAcceptingAsync();
        lock (_applying)
        {
            _isDisposed = true;
        }

        // All of them before any is gone: health checks post from one worker to another.
        Array.ForEach(_workers, static worker => worker.Stop());
        Array.ForEach(_workers, static worker => worker.Dispose());
        await _handshakes.DisposeAsync();
    }

    /// <summary>The configuration was checked when it was accepted, so that this fails only where the machine changed meanwhile.</summary>
    private static AccessLogFile? OpenLog(AccessLogWriter logs, string path, ILogger logger)
    {
        try
        {
            return logs.Open(path);
        }
        catch (IOException error)
        {
            LogNotOpened(logger, error.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "events of health checks are not logged: {Reason}")]
    private static partial void LogNotOpened(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "a worker met a bug; the connection concerned is lost, the rest goes on")]
    private static partial void LogBug(ILogger logger, Exception bug);
}

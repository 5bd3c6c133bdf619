using System.Collections.Immutable;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Xds.Validation;
using Microsoft.Extensions.Logging;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using RouteConfigurationMessage = Envoy.Config.Route.V3.RouteConfiguration;
using SecretMessage = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// The configuration that was accepted, from the bootstrap and from discovery, and the one place that hands it to the engine.
/// A resource goes live when it is warm: a cluster when its endpoints are known, a listener when its routes are. A replacement that is
/// not warm yet leaves its predecessor in force. A bad resource is reported by name and leaves its last good version in force.
/// All members may be called from any thread; changes take effect one after the other, and what comes in one call goes live in one swap.
/// </summary>
internal sealed partial class ConfigurationState : IDisposable
{
    private readonly ProxyEngine _engine;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly ClusterResources _clusters;
    private readonly ListenerResources _listeners;
    private readonly SecretResources _secrets;
    private readonly SecretStats _secretStats;
    private readonly SecretFiles _secretFiles;
    private readonly EndpointFiles _endpointFiles;
    private bool _isDisposed;
    private bool _secretsChanged;
    private TaskCompletionSource _warm = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An empty configuration.</summary>
    /// <param name="engine">Where it goes.</param>
    /// <param name="registry">Where changes are counted.</param>
    /// <param name="time">Clock.</param>
    /// <param name="logger">For what no caller is there to hear of.</param>
    public ConfigurationState(ProxyEngine engine, StatRegistry registry, TimeProvider time, ILogger logger)
    {
        _engine = engine;
        _time = time;
        _logger = logger;
        var stats = new ConfigurationStats(registry);
        _secretStats = new SecretStats(registry, time);
        _secrets = new SecretResources(_secretStats, time);
        _secretFiles = new SecretFiles(this, time, logger);
        _endpointFiles = new EndpointFiles(this, new EndpointFileStats(registry), time, logger);
        _clusters = new ClusterResources(stats, _secrets, time) { WaitBegan = WaitForEndpoints, SecretWaitBegan = WaitForSecrets };
        _listeners = new ListenerResources(stats, _secrets, time) { WaitBegan = WaitForRoutes, SecretWaitBegan = WaitForSecrets };
        stats.Observe(
            () => Read(() => _clusters.Active.Count), () => Read(() => _clusters.WarmingCount),
            () => Read(() => _listeners.Active.Count), () => Read(() => _listeners.WarmingCount));
    }

    /// <summary>Told of every cluster whose endpoints DNS has to find, while no lock is held.</summary>
    public Action<ClusterEntry>? DnsClusterAdded { get; set; }

    /// <summary>Told when the names to ask of endpoint, route or secret discovery may have changed, while no lock is held.</summary>
    public Action? SubscriptionsChanged { get; set; }

    /// <summary>Why a secret discovery service cannot be used; null where it can. Set before anything is configured.</summary>
    public Func<SecretService, ConfigProblem?> SecretServiceFault
    {
        set => _secrets.ServiceFault = value;
    }

    /// <summary>Names to ask of endpoint discovery; the same array as before unless they changed.</summary>
    public ImmutableArray<string> EndpointSubscriptions => Read(() => _clusters.Services);

    /// <summary>Names to ask of route discovery; the same array as before unless they changed.</summary>
    public ImmutableArray<string> RouteSubscriptions => Read(() => _listeners.RouteNames);

    /// <summary>Names to ask of secret discovery; the same array as before unless they changed.</summary>
    public ImmutableArray<string> SecretSubscriptions => Read(() => _secrets.Names);

    /// <summary>Names to ask of each secret discovery service; the same object as before unless they changed.</summary>
    public ImmutableDictionary<SecretService, ImmutableArray<string>> SecretServices => Read(() => _secrets.Services);

    /// <summary>What is to be watched for secrets.</summary>
    public WatchedSecrets WatchedSecrets => Read(() => new WatchedSecrets(
        _secrets.Files.ToDictionary(static file => file, file => (IReadOnlyList<string>)[.. _secrets.Entries.Where(entry => entry.Key.Source == file).Select(static entry => entry.Key.Name)]),
        [.. _secrets.Folders]));

    /// <summary>What endpoints are discovered by in files.</summary>
    public IReadOnlyList<EndpointService> EndpointFileServices => Read(() => _clusters.FileServices);

    /// <summary>Completes when nothing that was accepted waits for endpoints, routes or secrets.</summary>
    public Task Warm => Read(() => IsWarming ? _warm.Task : Task.CompletedTask);

    private bool IsWarming => _clusters.WarmingCount > 0 || _listeners.WarmingCount > 0;

    /// <summary>Takes clusters and drops those that are gone. Those of the bootstrap cannot be dropped or replaced.</summary>
    public ApplyOutcome SetClusters(IReadOnlyList<ClusterMessage> clusters, IReadOnlyList<string> removed, string version, ResourceOrigin origin) => Change(outcome =>
    {
        _clusters.Set(clusters, version, origin, outcome);
        _clusters.Remove(removed, _listeners.NamedClusters);
        outcome.Rejections.AddRange(Publish().Clusters.Select(static failure => new ResourceRejection(failure.Cluster, failure.Message)));
    });

    /// <summary>Takes endpoint assignments; those not among them stay as they are.</summary>
    /// <param name="assignments">The assignments.</param>
    /// <param name="version">Version of what brought them.</param>
    /// <param name="origin">How strictly they are taken.</param>
    /// <param name="file">The file that they stand in; null for the aggregated stream.</param>
    public ApplyOutcome SetAssignments(IReadOnlyList<ClusterLoadAssignment> assignments, string version, ResourceOrigin origin, EndpointFile? file = null) => Change(outcome =>
    {
        _clusters.SetAssignments(assignments, version, origin, file, outcome);
        Tell(Publish());
    });

    /// <summary>Takes route configurations; those not among them stay as they are.</summary>
    public ApplyOutcome SetRoutes(IReadOnlyList<RouteConfigurationMessage> routes, string version, ResourceOrigin origin) => Change(outcome =>
    {
        _listeners.SetRoutes(routes, version, origin, outcome);
        RemoveUnnamedClusters();

        // The routes are right where a listener that waited for them cannot be opened: that is no reason to refuse them.
        Tell(Publish());
    });

    /// <summary>Takes listeners and drops those that are gone. Those of the bootstrap cannot be dropped or replaced.</summary>
    public ApplyOutcome SetListeners(IReadOnlyList<Listener> listeners, IReadOnlyList<string> removed, string version, ResourceOrigin origin) => Change(outcome =>
    {
        _listeners.Set(listeners, version, origin, outcome);
        _listeners.Remove(removed);
        RemoveUnnamedClusters();
        outcome.Rejections.AddRange(Publish().Listeners.Select(static failure => new ResourceRejection(failure.Listener, failure.Message)));
    });

    /// <summary>Takes secrets; those not among them stay as they are. What uses one that changed goes by it from now on.</summary>
    public ApplyOutcome SetSecrets(IReadOnlyList<SecretMessage> secrets, string version, ResourceOrigin origin, SecretSource source) => Change(outcome =>
    {
        _secretsChanged = true;
        UseSecrets(_secrets.Set(secrets, version, source, origin, outcome), outcome);
    });

    /// <summary>Reads again the files in a folder that secrets name.</summary>
    public ApplyOutcome RereadSecrets(string folder) => Change(outcome => UseSecrets(_secrets.Reread(folder, outcome), outcome));

    /// <summary>Sets the endpoints that DNS found for a cluster. Nothing happens where the cluster has been replaced meanwhile.</summary>
    public void SetResolvedEndpoints(ClusterEntry cluster, ImmutableArray<EndpointConfig> endpoints) =>
        SetResolvedEndpoints([KeyValuePair.Create(cluster, endpoints)]);

    /// <summary>The same for several clusters, in one swap.</summary>
    public void SetResolvedEndpoints(IReadOnlyCollection<KeyValuePair<ClusterEntry, ImmutableArray<EndpointConfig>>> resolved) => Change(_ =>
    {
        var isChange = false;
        foreach (var (cluster, endpoints) in resolved)
        {
            isChange |= _clusters.SetResolved(cluster, endpoints);
        }

        if (isChange)
        {
            Tell(Publish());
        }
    });

    /// <summary>The certificates of the TLS contexts that were accepted.</summary>
    public IReadOnlyList<ContextCertificates> Certificates() => Read(() => _secrets.Certificates().ToArray());

    /// <summary>The secrets that are used or stand in the bootstrap. Those that have not come have no message.</summary>
    public IReadOnlyList<(string Name, IMessage? Message, string Version, DateTimeOffset Updated, bool IsStatic, SecretRefusal? Refused)> Secrets() => Read(() => _secrets.Entries
        .Select(static entry => (entry.Key.Name, (IMessage?)entry.Message, entry.Version, entry.Updated, entry.Key.Source == SecretSource.Bootstrap, entry.LastRefusal)).ToArray());

    /// <summary>Notes versions of secrets that were refused before they could be taken, to be shown with what stays in force.</summary>
    public void NoteRefusedSecrets(IEnumerable<(string Name, string Reason)> refused, string version, SecretSource source)
    {
        lock (_gate)
        {
            foreach (var (name, reason) in refused)
            {
                _secrets.Refuse(new SecretKey(name, source), reason, version);
            }
        }
    }

    /// <summary>Everything that is in force, by kind.</summary>
    public (AcceptedResource[] Clusters, AcceptedResource[] Endpoints, AcceptedResource[] Listeners, AcceptedResource[] Routes) Accepted()
    {
        lock (_gate)
        {
            return (
                [.. _clusters.Active.Select(static entry => new AcceptedResource(entry.Name, entry.Version, entry.Message, entry.Updated, entry.IsStatic))],
                [.. _clusters.Assignments.Select(static entry => new AcceptedResource(entry.Message.ClusterName, entry.Version, entry.Message, entry.Updated, false))],
                [.. _listeners.Active.Select(static entry => new AcceptedResource(entry.Message.Name, entry.Version, entry.Message, entry.Updated, entry.IsStatic))],
                [.. _listeners.Routes.Select(static entry => new AcceptedResource(entry.Message.Name, entry.Version, entry.Message, entry.Updated, false))]);
        }
    }

    /// <summary>Nothing changes any more: what is waited for or resolved is given up.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _clusters.EndAll();
            _listeners.EndAll();
        }

        _secretFiles.Dispose();
        _endpointFiles.Dispose();
    }

    /// <summary>The names in statistics of clusters that ask for these endpoints.</summary>
    public string[] StatNamesOf(EndpointService service) => Read(() => _clusters.StatNamesOf(service));

    /// <summary>The prefixes under which connection managers count that use a route configuration.</summary>
    public string[] StatPrefixesOf(string routeName) => Read(() => _listeners.StatPrefixesOf(routeName).ToArray());

    private T Read<T>(Func<T> read)
    {
        lock (_gate)
        {
            return read();
        }
    }

    private ApplyOutcome Change(Action<ApplyOutcome> change)
    {
        var outcome = new ApplyOutcome();
        ClusterEntry[] unresolved;
        bool subscriptionsChanged;
        bool followsSecrets;
        bool followsEndpoints;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return outcome;
            }

            var (services, routes, secrets, sources) = (_clusters.Services, _listeners.RouteNames, _secrets.Names, _secrets.Services);
            change(outcome);
            RenewSecretUsers();
            subscriptionsChanged = _clusters.Services != services || _listeners.RouteNames != routes || _secrets.Names != secrets || _secrets.Services != sources;
            followsSecrets = _secretsChanged;
            _secretsChanged = false;
            followsEndpoints = _clusters.FileServicesChanged;
            _clusters.FileServicesChanged = false;
            unresolved = [.. _clusters.Unresolved];
            _clusters.Unresolved.Clear();
            SettleWarmth();
        }

        // With the lock free: an address that needs no resolving comes back at once.
        foreach (var cluster in unresolved)
        {
            DnsClusterAdded?.Invoke(cluster);
        }

        if (followsSecrets)
        {
            _secretFiles.Follow();
        }

        if (followsEndpoints)
        {
            _endpointFiles.Follow();
        }

        if (subscriptionsChanged)
        {
            SubscriptionsChanged?.Invoke();
        }

        return outcome;
    }

    private void RenewSecretUsers()
    {
        if (_clusters.SecretUsersChanged || _listeners.SecretUsersChanged)
        {
            _clusters.SecretUsersChanged = _listeners.SecretUsersChanged = false;
            _secrets.SetUsers([.. _clusters.SecretUsers, .. _listeners.SecretUsers]);
            _secretsChanged = true;
        }
    }

    private void UseSecrets(IReadOnlyList<ISecretUser> users, ApplyOutcome outcome)
    {
        if (users.Count == 0)
        {
            return;
        }

        Renew(users);
        var failures = Publish();
        Tell(failures);
        var failed = failures.OfTls(users);
        if (failed.Count > 0 && _secrets.TakeBack(failed, outcome) is { Count: > 0 } restored)
        {
            Renew(restored);
            Tell(Publish());
        }
    }

    private void Renew(IReadOnlyList<ISecretUser> users)
    {
        foreach (var user in users)
        {
            _secretStats.CountContext(user.SecretStat);
            if (user is ClusterEntry cluster)
            {
                _clusters.UseSecrets(cluster);
            }
            else
            {
                _listeners.UseSecrets((ListenerEntry)user);
            }
        }
    }

    private void SettleWarmth()
    {
        if (IsWarming)
        {
            _warm = _warm.Task.IsCompleted ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : _warm;
        }
        else
        {
            _warm.TrySetResult();
        }
    }

    private void RemoveUnnamedClusters()
    {
        if (_clusters.HasLeaving)
        {
            _clusters.RemoveUnnamed(_listeners.NamedClusters());
        }
    }

    private PublicationFailures Publish()
    {
        var change = new ConfigurationChange { Clusters = _clusters.TakeChanges(), RouteTables = _listeners.TakeRouteChanges(), Listeners = _listeners.TakeChanges() };
        if (change is { Clusters.Count: 0, RouteTables.Count: 0, Listeners: null })
        {
            return PublicationFailures.None;
        }

        var failures = new PublicationFailures(_engine.Apply(change, out var clusters), clusters);
        _clusters.Settle(failures.Clusters);
        _listeners.Settle(failures.Listeners);
        return failures;
    }

    private void Tell(PublicationFailures failures)
    {
        foreach (var failure in failures.Listeners)
        {
            LogNotOpened(_logger, failure.Listener, failure.Message);
        }

        foreach (var failure in failures.Clusters)
        {
            LogNotBuilt(_logger, failure.Cluster, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "listener \"{Listener}\" cannot be opened: {Reason}")]
    private static partial void LogNotOpened(ILogger logger, string listener, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "cluster \"{Cluster}\" stays as it was: {Reason}")]
    private static partial void LogNotBuilt(ILogger logger, string cluster, string reason);
}

using System.Collections.Immutable;
using Envoy.Config.Endpoint.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Upstream;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// The clusters that were accepted and the endpoints that discovery delivered for them. A cluster whose endpoints are not known is warming: it is
/// in no snapshot, and the one that it replaces stays. Belongs to whoever holds the lock of <see cref="ConfigurationState"/>.
/// </summary>
internal sealed class ClusterResources(ConfigurationStats stats, SecretResources secrets, TimeProvider time)
{
    private readonly Dictionary<string, ClusterEntry> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ClusterEntry> _warming = new(StringComparer.Ordinal);
    private readonly Dictionary<EndpointService, AssignmentEntry> _assignments = [];

    // Discovered clusters, active and warming, by what they ask of endpoint discovery: one assignment must not cost a look at every cluster.
    private readonly Dictionary<EndpointService, List<ClusterEntry>> _byService = [];
    private readonly HashSet<string> _leaving = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ClusterSpecification?> _changes = new(StringComparer.Ordinal);

    // What each cluster replaced since the last publication, to return to where the new one cannot be built.
    private readonly Dictionary<string, ClusterEntry?> _predecessors = new(StringComparer.Ordinal);
    private ImmutableArray<string>? _services;

    /// <summary>Clusters in force.</summary>
    public IReadOnlyCollection<ClusterEntry> Active => _active.Values;

    /// <summary>Endpoint assignments in use.</summary>
    public IReadOnlyCollection<AssignmentEntry> Assignments => _assignments.Values;

    /// <summary>Clusters that wait for their endpoints.</summary>
    public int WarmingCount => _warming.Count;

    /// <summary>Names to ask of endpoint discovery over the aggregated stream; the same array until they change.</summary>
    public ImmutableArray<string> Services => _services ??= [.. _byService.Keys.Where(static service => service.File is null).Select(static service => service.Name)];

    /// <summary>What is discovered in files.</summary>
    public IReadOnlyList<EndpointService> FileServices => [.. _byService.Keys.Where(static service => service.File is not null)];

    /// <summary>True once <see cref="FileServices"/> changed; whoever looks sets it back.</summary>
    public bool FileServicesChanged { get; set; }

    /// <summary>Names in statistics of the clusters that ask for this.</summary>
    public string[] StatNamesOf(EndpointService service) => _byService.TryGetValue(service, out var clusters) ? [.. clusters.Select(static cluster => cluster.Translated.Config.StatName)] : [];

    /// <summary>True where discovery removed a cluster that routes in force still name.</summary>
    public bool HasLeaving => _leaving.Count > 0;

    /// <summary>Told of a cluster that begins to wait, for <see cref="TranslatedCluster.EndpointsTimeout"/> at most.</summary>
    public required Action<ClusterEntry> WaitBegan { get; init; }

    /// <summary>Told of a cluster that begins to wait for secrets.</summary>
    public required Action<ClusterEntry> SecretWaitBegan { get; init; }

    /// <summary>Clusters with TLS, active and warming.</summary>
    public IEnumerable<ISecretUser> SecretUsers => _active.Values.Concat(_warming.Values).Where(static entry => entry.Plans.Count > 0);

    /// <summary>True once clusters with TLS came or went; whoever looks sets it back.</summary>
    public bool SecretUsersChanged { get; set; }

    /// <summary>Clusters whose names are to be resolved, since the last call.</summary>
    public List<ClusterEntry> Unresolved { get; } = [];

    /// <summary>What changed since the last call, for the next snapshot: null removes a cluster.</summary>
    public IReadOnlyDictionary<string, ClusterSpecification?> TakeChanges()
    {
        var changes = new Dictionary<string, ClusterSpecification?>(_changes, StringComparer.Ordinal);
        _changes.Clear();
        return changes;
    }

    /// <summary>Clusters that could not be built are forgotten in favour of what they replaced, so that the same cluster sent again is tried again.</summary>
    public void Settle(IEnumerable<ClusterFailure> failures)
    {
        foreach (var name in failures.Select(static failure => failure.Cluster))
        {
            // One that replaced nothing is the one in force, which only keeps the secrets that it had.
            if (!_predecessors.TryGetValue(name, out var predecessor) || !_active.Remove(name, out var failed))
            {
                continue;
            }

            Forget(failed);
            SecretUsersChanged = true;
            if (predecessor?.Renew() is { } renewed)
            {
                _active[name] = renewed;
                Index(renewed);
                if (renewed.Translated.Source is EndpointSource.StrictDns or EndpointSource.LogicalDns)
                {
                    Unresolved.Add(renewed);
                }
            }
        }

        _predecessors.Clear();
    }

    /// <summary>Takes clusters; one that equals what is there is left alone.</summary>
    public void Set(IReadOnlyList<ClusterMessage> messages, string version, ResourceOrigin origin, ApplyOutcome outcome)
    {
        foreach (var message in messages)
        {
            var latest = Latest(message.Name);
            if (latest is { IsStatic: true } && origin != ResourceOrigin.Bootstrap)
            {
                outcome.Rejections.Add(BelongsToBootstrap(message.Name));
            }
            else if (latest?.Message.Equals(message) == true)
            {
                if (_leaving.Remove(message.Name))
                {
                    Index(latest);
                }
            }
            else
            {
                var problems = new TranslationProblems();
                var translated = ClusterTranslator.Translate(message, problems, now: time.GetUtcNow());
                secrets.Check(translated?.Sockets.Plans ?? [], problems);
                if (outcome.Accepts(message.Name, translated, problems, origin))
                {
                    Take(new ClusterEntry(message, translated!, version, origin == ResourceOrigin.Bootstrap, time.GetUtcNow()));
                }
            }
        }
    }

    /// <summary>
    /// Drops clusters, but not those of the bootstrap. One that routes in force still name stays until they no longer do: a control plane cannot
    /// always put the new routes first, and a request must not fail for the order of two messages.
    /// </summary>
    public void Remove(IReadOnlyList<string> names, Func<HashSet<string>> namedByRoutes)
    {
        HashSet<string>? named = null;
        foreach (var name in names)
        {
            if (Latest(name) is not { IsStatic: false })
            {
                continue;
            }

            if (_warming.Remove(name, out var warming))
            {
                Forget(warming);
            }

            if (!_active.TryGetValue(name, out var active))
            {
                continue;
            }

            named ??= namedByRoutes();
            if (named.Contains(name))
            {
                _leaving.Add(name);
                Unindex(active);
            }
            else
            {
                Drop(name);
            }
        }
    }

    /// <summary>Drops what stayed only because routes named it, and no longer do.</summary>
    public void RemoveUnnamed(HashSet<string> namedByRoutes)
    {
        foreach (var name in _leaving.Where(name => !namedByRoutes.Contains(name)).ToArray())
        {
            Drop(name);
        }
    }

    /// <summary>Takes endpoint assignments; those not among them stay as they are.</summary>
    /// <param name="messages">The assignments.</param>
    /// <param name="version">Version of what brought them.</param>
    /// <param name="origin">How strictly they are taken.</param>
    /// <param name="file">The file that they stand in; null for the aggregated stream.</param>
    /// <param name="outcome">Takes what cannot be used.</param>
    public void SetAssignments(IReadOnlyList<ClusterLoadAssignment> messages, string version, ResourceOrigin origin, EndpointFile? file, ApplyOutcome outcome)
    {
        foreach (var message in messages)
        {
            var service = new EndpointService(message.ClusterName, file);
            if (_assignments.TryGetValue(service, out var current) && current.Message.Equals(message))
            {
                continue;
            }

            var problems = new TranslationProblems();
            var endpoints = EndpointTranslator.Translate(message, problems);
            if (!outcome.Accepts(message.ClusterName, endpoints is null ? null : message, problems, origin) || !_byService.TryGetValue(service, out var clusters))
            {
                continue;
            }

            var assignment = new AssignmentEntry(message, endpoints!.Value, version, time.GetUtcNow());
            _assignments[service] = assignment;
            foreach (var cluster in clusters.ToArray())
            {
                SetAssignment(cluster, assignment);
            }
        }
    }

    /// <summary>Sets the endpoints that DNS found. False where the cluster was replaced meanwhile or has them already.</summary>
    public bool SetResolved(ClusterEntry cluster, ImmutableArray<EndpointConfig> endpoints)
    {
        if (Latest(cluster.Name) != cluster || cluster.Endpoints?.AsSpan().SequenceEqual(endpoints.AsSpan()) == true)
        {
            return false;
        }

        SetEndpoints(cluster, endpoints);
        return true;
    }

    /// <summary>A cluster that still waits for endpoints does without. False where it no longer waits, be it that it still waits for secrets.</summary>
    public bool EndWait(ClusterEntry cluster)
    {
        if (cluster.Endpoints is not null || _warming.GetValueOrDefault(cluster.Name) != cluster)
        {
            return false;
        }

        stats.CountFetchTimeout(cluster.Translated.Config.StatName);
        SetEndpoints(cluster, []);
        return true;
    }

    /// <summary>Puts a cluster that still waits for secrets into force without: its connections fail. False where it no longer waits.</summary>
    public bool EndSecretWait(ClusterEntry cluster)
    {
        if (!cluster.WaitsForSecrets || Latest(cluster.Name) != cluster)
        {
            return false;
        }

        cluster.WaitsForSecrets = false;
        GoLive(cluster);
        return true;
    }

    /// <summary>A secret that a cluster uses has come or changed.</summary>
    public void UseSecrets(ClusterEntry cluster)
    {
        if (!cluster.WaitsForSecrets)
        {
            GoLive(cluster);
        }
        else if (cluster.Plans.All(plan => plan.IsReady(secrets)))
        {
            cluster.SecretPatience?.Dispose();
            cluster.WaitsForSecrets = false;
            GoLive(cluster);
        }
    }

    /// <summary>Ends all waits and resolutions.</summary>
    public void EndAll()
    {
        foreach (var entry in _active.Values.Concat(_warming.Values))
        {
            entry.End();
        }
    }

    /// <summary>The rejection of a resource that has the name of one of the bootstrap (Envoy refuses that too).</summary>
    public static ResourceRejection BelongsToBootstrap(string name) =>
        new(name, $"\"{name}\" is defined in the bootstrap and cannot be replaced by discovery; rename one of them");

    private ClusterEntry? Latest(string name) => _warming.GetValueOrDefault(name) ?? _active.GetValueOrDefault(name);

    private void Take(ClusterEntry entry)
    {
        // Before what it replaces is forgotten: endpoints that are known to both stay known.
        Index(entry);
        if (_warming.Remove(entry.Name, out var superseded))
        {
            Forget(superseded);
        }

        stats.Count(_active.ContainsKey(entry.Name) || superseded is not null ? stats.ClusterModified : stats.ClusterAdded);
        _warming[entry.Name] = entry;
        _leaving.Remove(entry.Name);
        SecretUsersChanged |= entry.Plans.Count > 0;
        if (entry.Plans.Any(plan => !plan.IsReady(secrets)))
        {
            entry.WaitsForSecrets = true;
            SecretWaitBegan(entry);
        }

        switch (entry.Translated.Source)
        {
            case EndpointSource.Static:
                SetEndpoints(entry, entry.Translated.Endpoints);
                break;
            case EndpointSource.Discovery when _assignments.TryGetValue(entry.Translated.Service, out var assignment):
                SetAssignment(entry, assignment);
                break;
            case EndpointSource.Discovery:
                WaitBegan(entry);
                break;
            default:
                Unresolved.Add(entry);
                break;
        }
    }

    private void SetAssignment(ClusterEntry entry, AssignmentEntry assignment)
    {
        entry.Policy = EndpointTranslator.PolicyOf(assignment.Message);
        SetEndpoints(entry, assignment.Endpoints);
    }

    /// <summary>The endpoints of a cluster are known: it is warm and replaces its predecessor.</summary>
    private void SetEndpoints(ClusterEntry entry, ImmutableArray<EndpointConfig> endpoints)
    {
        entry.Endpoints = endpoints;
        entry.Patience?.Dispose();
        if (entry.Translated is { Source: EndpointSource.Discovery, File: null })
        {
            stats.CountDelivery(entry.Translated.Config.StatName);
        }

        if (_warming.GetValueOrDefault(entry.Name) != entry)
        {
            stats.Count(stats.ClusterUpdated);
        }

        GoLive(entry);
    }

    /// <summary>A cluster whose endpoints and secrets are known goes into force, or is renewed there.</summary>
    private void GoLive(ClusterEntry entry)
    {
        if (entry.Endpoints is not { } endpoints || entry.WaitsForSecrets)
        {
            return;
        }

        if (_warming.GetValueOrDefault(entry.Name) == entry)
        {
            _warming.Remove(entry.Name);
            if (_active.TryGetValue(entry.Name, out var predecessor))
            {
                Forget(predecessor);
            }

            _predecessors.TryAdd(entry.Name, predecessor);

            _active[entry.Name] = entry;
        }

        if (_active.GetValueOrDefault(entry.Name) == entry)
        {
            _changes[entry.Name] = new ClusterSpecification(entry.Translated.Config, endpoints) { Policy = entry.Policy, TransportSockets = entry.Translated.Sockets.Resolve(secrets) };
        }
    }

    private void Drop(string name)
    {
        _leaving.Remove(name);
        _active.Remove(name, out var entry);
        Forget(entry!);
        _changes[name] = null;
        stats.Count(stats.ClusterRemoved);
    }

    private void Forget(ClusterEntry entry)
    {
        entry.End();
        Unindex(entry);
        SecretUsersChanged |= entry.Plans.Count > 0;
    }

    private void Index(ClusterEntry entry)
    {
        if (entry.Translated.Source != EndpointSource.Discovery)
        {
            return;
        }

        var service = entry.Translated.Service;
        if (_byService.TryGetValue(service, out var entries))
        {
            entries.Add(entry);
        }
        else
        {
            _byService[service] = [entry];
            NoteServices(service);
        }
    }

    private void Unindex(ClusterEntry entry)
    {
        var service = entry.Translated.Service;
        if (_byService.TryGetValue(service, out var entries) && entries.Remove(entry) && entries.Count == 0)
        {
            _byService.Remove(service);
            _assignments.Remove(service);
            NoteServices(service);
        }
    }

    private void NoteServices(EndpointService service)
    {
        if (service.File is null)
        {
            _services = null;
        }
        else
        {
            FileServicesChanged = true;
        }
    }

    /// <summary>An accepted endpoint assignment.</summary>
    internal sealed record AssignmentEntry(ClusterLoadAssignment Message, ImmutableArray<EndpointConfig> Endpoints, string Version, DateTimeOffset Updated);
}

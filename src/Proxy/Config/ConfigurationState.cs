using System.Collections.Immutable;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// The configuration that was accepted, from the bootstrap and from discovery, and the one place that turns it into what the engine runs.
/// A resource goes live when it is warm: a cluster when its endpoints are known, a listener when its routes are. A replacement that is
/// not warm yet leaves its predecessor in force. A bad resource is reported by name and leaves its last good version in force.
/// All members may be called from any thread; changes take effect one after the other.
/// </summary>
internal sealed class ConfigurationState(ProxyEngine engine, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ClusterEntry> _clusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ClusterEntry> _warmingClusters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AssignmentEntry> _assignments = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteEntry> _routes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ListenerEntry> _listeners = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ListenerEntry> _warmingListeners = new(StringComparer.Ordinal);

    // What has to go to the engine with the next publication.
    private readonly Dictionary<string, ClusterSpecification?> _clusterChanges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RouteTable?> _routeChanges = new(StringComparer.Ordinal);
    private bool _listenersChanged;

    /// <summary>Told of every cluster whose endpoints DNS has to find.</summary>
    public Action<ClusterEntry>? DnsClusterAdded { get; set; }

    /// <summary>Told when the names to ask of endpoint or route discovery may have changed.</summary>
    public Action? SubscriptionsChanged { get; set; }

    /// <summary>Names to ask of endpoint discovery.</summary>
    public IReadOnlyCollection<string> EndpointSubscriptions
    {
        get
        {
            lock (_gate)
            {
                return [.. _clusters.Values.Concat(_warmingClusters.Values)
                    .Where(static entry => entry.Translated.Source == EndpointSource.Discovery)
                    .Select(static entry => entry.Translated.ServiceName).Distinct(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Names to ask of route discovery.</summary>
    public IReadOnlyCollection<string> RouteSubscriptions
    {
        get
        {
            lock (_gate)
            {
                return [.. _listeners.Values.Concat(_warmingListeners.Values)
                    .Select(static entry => entry.Config.Http.RouteConfigName).OfType<string>().Distinct(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>True while something that was accepted waits for endpoints or routes.</summary>
    public bool IsWarming
    {
        get
        {
            lock (_gate)
            {
                return _warmingClusters.Count > 0 || _warmingListeners.Count > 0;
            }
        }
    }

    /// <summary>Takes clusters and drops those that are gone. Those of the bootstrap cannot be dropped or replaced.</summary>
    public IReadOnlyList<ResourceRejection> SetClusters(IReadOnlyList<ClusterMessage> clusters, IReadOnlyList<string> removed, string version, bool isStatic)
    {
        var rejections = new List<ResourceRejection>();
        lock (_gate)
        {
            foreach (var message in clusters)
            {
                if (BelongsToBootstrap(message.Name, isStatic, _clusters, static entry => entry.IsStatic, rejections))
                {
                    continue;
                }

                if (Latest(message.Name)?.Message.Equals(message) == true)
                {
                    continue;
                }

                var problems = new TranslationProblems();
                var translated = ClusterTranslator.Translate(message, problems);
                if (translated is null || problems.Forbids(isStatic))
                {
                    rejections.Add(problems.Reject(message.Name));
                    continue;
                }

                Take(new ClusterEntry(message, translated, version, isStatic, time.GetUtcNow()));
            }

            RemoveClusters(removed);

            Publish(rejections);
        }

        SubscriptionsChanged?.Invoke();
        return rejections;
    }

    /// <summary>Takes endpoint assignments; those not among them stay as they are.</summary>
    public IReadOnlyList<ResourceRejection> SetAssignments(IReadOnlyList<ClusterLoadAssignment> assignments, string version)
    {
        var rejections = new List<ResourceRejection>();
        lock (_gate)
        {
            foreach (var message in assignments)
            {
                if (_assignments.TryGetValue(message.ClusterName, out var current) && current.Message.Equals(message))
                {
                    continue;
                }

                var problems = new TranslationProblems();
                var endpoints = EndpointTranslator.Translate(message, problems);
                if (endpoints is not { } found)
                {
                    rejections.Add(problems.Reject(message.ClusterName));
                    continue;
                }

                _assignments[message.ClusterName] = new AssignmentEntry(message, found, version, time.GetUtcNow());
                foreach (var cluster in ClustersOf(message.ClusterName))
                {
                    SetEndpoints(cluster, found);
                }
            }

            Publish(rejections);
        }

        return rejections;
    }

    /// <summary>Takes route configurations; those not among them stay as they are.</summary>
    public IReadOnlyList<ResourceRejection> SetRoutes(IReadOnlyList<Envoy.Config.Route.V3.RouteConfiguration> routes, string version, bool isStatic)
    {
        var rejections = new List<ResourceRejection>();
        lock (_gate)
        {
            foreach (var message in routes)
            {
                if (_routes.TryGetValue(message.Name, out var current) && current.Message.Equals(message))
                {
                    continue;
                }

                var problems = new TranslationProblems();
                var table = RouteConfigurationTranslator.Translate(message, problems);
                if (table is null || problems.Forbids(isStatic))
                {
                    rejections.Add(problems.Reject(message.Name));
                    continue;
                }

                _routes[message.Name] = new RouteEntry(message, version, isStatic, time.GetUtcNow());
                _routeChanges[message.Name] = table;
            }

            WarmListeners(force: false);
            Publish(rejections);
        }

        return rejections;
    }

    /// <summary>Takes listeners and drops those that are gone. Those of the bootstrap cannot be dropped or replaced.</summary>
    public IReadOnlyList<ResourceRejection> SetListeners(IReadOnlyList<Listener> listeners, IReadOnlyList<string> removed, string version, bool isStatic)
    {
        var rejections = new List<ResourceRejection>();
        lock (_gate)
        {
            foreach (var message in listeners)
            {
                if (BelongsToBootstrap(message.Name, isStatic, _listeners, static entry => entry.IsStatic, rejections))
                {
                    continue;
                }

                var latest = _warmingListeners.GetValueOrDefault(message.Name) ?? _listeners.GetValueOrDefault(message.Name);
                if (latest?.Message.Equals(message) == true)
                {
                    continue;
                }

                var problems = new TranslationProblems();
                var config = ListenerTranslator.Translate(message, problems);
                if (config is null || problems.Forbids(isStatic))
                {
                    rejections.Add(problems.Reject(message.Name));
                    continue;
                }

                _warmingListeners[message.Name] = new ListenerEntry(message, config, version, isStatic, time.GetUtcNow());
            }

            RemoveListeners(removed);

            WarmListeners(force: false);
            Publish(rejections);
        }

        SubscriptionsChanged?.Invoke();
        return rejections;
    }

    /// <summary>Sets the endpoints that DNS found for a cluster. Nothing happens where the cluster has been replaced meanwhile.</summary>
    public void SetResolvedEndpoints(ClusterEntry cluster, ImmutableArray<EndpointConfig> endpoints)
    {
        lock (_gate)
        {
            if (Latest(cluster.Translated.Config.Name) == cluster && cluster.Endpoints?.AsSpan().SequenceEqual(endpoints.AsSpan()) != true)
            {
                SetEndpoints(cluster, endpoints);
                Publish([]);
            }
        }
    }

    /// <summary>Puts into force what is still waiting: clusters without endpoints, listeners without routes. Envoy's <c>initial_fetch_timeout</c>.</summary>
    public void EndWarming()
    {
        lock (_gate)
        {
            foreach (var cluster in _warmingClusters.Values.ToArray())
            {
                SetEndpoints(cluster, []);
            }

            WarmListeners(force: true);
            Publish([]);
        }
    }

    /// <summary>Everything that is accepted, by kind.</summary>
    public (AcceptedResource[] Clusters, AcceptedResource[] Endpoints, AcceptedResource[] Listeners, AcceptedResource[] Routes) Accepted()
    {
        lock (_gate)
        {
            return (
                [.. _clusters.Values.Select(static entry => new AcceptedResource(entry.Message.Name, entry.Version, entry.Message, entry.Updated, entry.IsStatic))],
                [.. _assignments.Values.Select(static entry => new AcceptedResource(entry.Message.ClusterName, entry.Version, entry.Message, entry.Updated, false))],
                [.. _listeners.Values.Select(static entry => new AcceptedResource(entry.Message.Name, entry.Version, entry.Message, entry.Updated, entry.IsStatic))],
                [.. _routes.Values.Select(static entry => new AcceptedResource(entry.Message.Name, entry.Version, entry.Message, entry.Updated, entry.IsStatic))]);
        }
    }

    // Envoy: a resource of the bootstrap cannot be replaced over the wire.
    private static bool BelongsToBootstrap<T>(string name, bool isStatic, Dictionary<string, T> entries, Func<T, bool> isEntryStatic, List<ResourceRejection> rejections)
        where T : class
    {
        if (isStatic || !entries.TryGetValue(name, out var entry) || !isEntryStatic(entry))
        {
            return false;
        }

        rejections.Add(new ResourceRejection(name, $"\"{name}\" is defined in the bootstrap and cannot be replaced by discovery; rename one of them"));
        return true;
    }

    private ClusterEntry? Latest(string name) => _warmingClusters.GetValueOrDefault(name) ?? _clusters.GetValueOrDefault(name);

    private ClusterEntry[] ClustersOf(string serviceName) => [.. _clusters.Values.Concat(_warmingClusters.Values)
        .Where(entry => entry.Translated.Source == EndpointSource.Discovery && entry.Translated.ServiceName == serviceName)];

    private void Take(ClusterEntry entry)
    {
        var name = entry.Translated.Config.Name;
        _warmingClusters.GetValueOrDefault(name)?.Lifetime.Cancel();
        _warmingClusters[name] = entry;
        switch (entry.Translated.Source)
        {
            case EndpointSource.Static:
                SetEndpoints(entry, entry.Translated.Endpoints);
                break;
            case EndpointSource.Discovery when _assignments.TryGetValue(entry.Translated.ServiceName, out var assignment):
                SetEndpoints(entry, assignment.Endpoints);
                break;
            case EndpointSource.StrictDns or EndpointSource.LogicalDns:
                DnsClusterAdded?.Invoke(entry);
                break;
        }
    }

    /// <summary>The endpoints of a cluster are known: it is warm and replaces its predecessor.</summary>
    private void SetEndpoints(ClusterEntry entry, ImmutableArray<EndpointConfig> endpoints)
    {
        var name = entry.Translated.Config.Name;
        entry.Endpoints = endpoints;
        if (_warmingClusters.GetValueOrDefault(name) == entry)
        {
            _warmingClusters.Remove(name);
            if (_clusters.GetValueOrDefault(name) is { } old)
            {
                old.Lifetime.Cancel();
            }

            _clusters[name] = entry;
        }

        if (_clusters.GetValueOrDefault(name) == entry)
        {
            _clusterChanges[name] = new ClusterSpecification(entry.Translated.Config, endpoints);
        }
    }

    private void RemoveClusters(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return;
        }

        foreach (var name in names.Where(name => Latest(name) is { IsStatic: false }))
        {
            if (_warmingClusters.Remove(name, out var warming))
            {
                warming.Lifetime.Cancel();
            }

            if (_clusters.Remove(name, out var entry))
            {
                entry.Lifetime.Cancel();
                _clusterChanges[name] = null;
            }
        }

        ForgetUnusedAssignments();
    }

    private void ForgetUnusedAssignments()
    {
        var used = _clusters.Values.Concat(_warmingClusters.Values).Select(static entry => entry.Translated.ServiceName).ToHashSet(StringComparer.Ordinal);
        foreach (var name in _assignments.Keys.Where(name => !used.Contains(name)).ToArray())
        {
            _assignments.Remove(name);
        }
    }

    private void RemoveListeners(IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            _warmingListeners.Remove(name);
            if (_listeners.GetValueOrDefault(name) is { IsStatic: false })
            {
                _listeners.Remove(name);
                _listenersChanged = true;
            }
        }

        var used = _listeners.Values.Concat(_warmingListeners.Values).Select(static entry => entry.Config.Http.RouteConfigName).ToHashSet(StringComparer.Ordinal);
        foreach (var route in _routes.Values.Where(route => !route.IsStatic && !used.Contains(route.Message.Name)).ToArray())
        {
            _routes.Remove(route.Message.Name);
            _routeChanges[route.Message.Name] = null;
        }
    }

    private void WarmListeners(bool force)
    {
        foreach (var (name, entry) in _warmingListeners.ToArray())
        {
            var routes = entry.Config.Http.RouteConfigName;
            if (force || routes is null || _routes.ContainsKey(routes))
            {
                _warmingListeners.Remove(name);
                _listeners[name] = entry;
                _listenersChanged = true;
            }
        }
    }

    private void Publish(List<ResourceRejection> rejections)
    {
        if (_clusterChanges.Count == 0 && _routeChanges.Count == 0 && !_listenersChanged)
        {
            return;
        }

        var failures = engine.Apply(new ConfigurationChange
        {
            Clusters = new Dictionary<string, ClusterSpecification?>(_clusterChanges, StringComparer.Ordinal),
            RouteTables = new Dictionary<string, RouteTable?>(_routeChanges, StringComparer.Ordinal),
            Listeners = _listenersChanged ? [.. _listeners.Values.Select(static entry => entry.Config)] : null,
        });
        _clusterChanges.Clear();
        _routeChanges.Clear();
        _listenersChanged = false;
        foreach (var failure in failures)
        {
            // Not open: forgotten, so that the same listener sent again is tried again.
            _listeners.Remove(failure.Listener);
            rejections.Add(new ResourceRejection(failure.Listener, failure.Message));
        }
    }

    private sealed record AssignmentEntry(ClusterLoadAssignment Message, ImmutableArray<EndpointConfig> Endpoints, string Version, DateTimeOffset Updated);

    private sealed record RouteEntry(Envoy.Config.Route.V3.RouteConfiguration Message, string Version, bool IsStatic, DateTimeOffset Updated);

    private sealed record ListenerEntry(Listener Message, ListenerConfig Config, string Version, bool IsStatic, DateTimeOffset Updated);
}

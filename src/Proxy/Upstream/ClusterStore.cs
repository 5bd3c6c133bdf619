using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Proxy.Upstream.TransportSockets;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>A cluster as it is wanted: its configuration and its endpoints.</summary>
public sealed record ClusterSpecification(ClusterConfig Config, ImmutableArray<EndpointConfig> Endpoints)
{
    /// <summary>How their health becomes load.</summary>
    public AssignmentPolicy Policy { get; init; } = AssignmentPolicy.Default;

    /// <summary>How they are spoken to.</summary>
    public ClusterTransportSockets TransportSockets { get; init; } = ClusterTransportSockets.PlainText;
}

/// <summary>
/// Builds the clusters of snapshots and carries their state from one to the next: connections survive an update that does not concern
/// them. Belongs to the thread that applies configuration.
/// </summary>
internal sealed class ClusterStore(StatRegistry registry, IReadOnlyList<Worker> workers, TimeProvider time, HealthChecker? checker = null)
{
    private readonly Dictionary<string, Kept> _kept = new(StringComparer.Ordinal);
    private readonly List<EndpointState> _leaving = [];
    private readonly ClusterRuntime _runtime = new();

    /// <summary>Told the name of a cluster whose endpoints changed their health, on some other thread than the workers'; it is to call <see cref="Rebalance"/>.</summary>
    public Action<string> HealthChanged { get; init; } = static _ => { };

    /// <summary>Takes the events of outlier detection in clusters that are built from now on; null for none.</summary>
    public OutlierEventLog? OutlierEvents { get; set; }

    /// <summary>Takes the handshakes that fail with endpoints of clusters that are built from now on; null for nobody.</summary>
    public HandshakeLog? HandshakeFailures { get; set; }

    /// <summary>Where this proxy is among those of its own cluster, for clusters that are built from now on; null where that is not known.</summary>
    public LocalZone? Zone { get; set; }

    /// <summary>Builds a cluster. The endpoints that it no longer has are retired by <see cref="RetireLeaving"/>, once the new snapshot is in force.</summary>
    /// <exception cref="Tls.OpenSsl.TlsException">The library refuses a certificate or a key; nothing changed.</exception>
    public Cluster Build(ClusterSpecification specification)
    {
        var config = specification.Config;
        Cluster? predecessor = null;
        var isKept = _kept.TryGetValue(config.Name, out var kept) && kept.State.Config == config;

        // First of all: the library may refuse a secret, and then all that runs is to stay as it is.
        var tls = (isKept ? kept!.State.Tls : UpstreamTlsContexts.None).For(specification.TransportSockets, config.HealthCheck, settings => TlsOf(settings, config.StatName));
        if (!isKept)
        {
            predecessor = kept?.Latest;
            Leave(kept);
            kept?.State.StopObserving(registry);
            kept = new Kept(new ClusterState(config, new ClusterStats(registry, config.StatName, config.Protocol), workers.Count, time) { Outlier = DetectorOf(config), Subsets = SubsetStats.Of(config, registry), Zones = ZonesOf(config) }, []);
            _kept[config.Name] = kept;
            checker?.Join(kept.State);
            if (_runtime.HasAny)
            {
                kept.State.Apply(_runtime.Values, out _);
            }

            if (predecessor?.State.HasHadTraffic == true)
            {
                kept.State.NoteTraffic();
            }

            registry.Observe(kept.State);
        }

        var isOnlyRotation = kept!.Specification is { } before && before with { TransportSockets = specification.TransportSockets } == specification;
        kept.Specification = specification;
        kept.State.Tls = tls;
        CountMatches(config.StatName, specification.TransportSockets, specification.Endpoints.Where(endpoint => !kept.Endpoints.ContainsKey(endpoint.Address)));
        var endpoints = specification.Endpoints.Select(endpoint => new Endpoint(endpoint, kept.Take(endpoint, workers.Count))).ToImmutableArray();
        endpoints = endpoints.AddRange(StayingEndpoints.Of(kept.Latest, endpoints));
        foreach (var endpoint in endpoints)
        {
            endpoint.State.Tls = tls.Of(endpoint.Config);
            endpoint.State.TlsOfChecks = tls.OfChecks(endpoint.Config);
        }

        checker?.Follow(endpoints, predecessor);
        Leave(kept.LeaveAllBut(endpoints));
        kept.State.Outlier?.SetHosts(endpoints.Select(static endpoint => endpoint.State).Distinct());
        CountMembers(kept.State.Stats, endpoints);
        if (!isOnlyRotation)
        {
            CountUpdate(kept.State.Stats);
        }

        kept.Latest = new Cluster(config, endpoints, specification.Policy, kept.State, kept.Latest);
        NoteLocal(config.Name, kept.Latest);
        return kept.Latest;
    }

    /// <summary>
    /// The health of some of a cluster's endpoints changed: builds its balancer again, which is in force at once, in the snapshot that is. Nothing
    /// happens where the cluster is gone.
    /// </summary>
    /// <returns>A cluster for a new snapshot where an endpoint that only stayed for its health has to leave now; else null.</returns>
    public Cluster? Rebalance(string name)
    {
        if (!_kept.TryGetValue(name, out var kept) || kept.Latest is not { } cluster)
        {
            return null;
        }

        if (StayingEndpoints.HaveToLeave(cluster))
        {
            return Build(kept.Specification!);
        }

        cluster.Rebalance();
        CountMembers(kept.State.Stats, cluster.Endpoints);
        NoteLocal(name, cluster);
        return null;
    }

    /// <summary>Other values of the runtime are in force; what they say of clusters is at once.</summary>
    public void Apply(RuntimeValues values)
    {
        if (!_runtime.TryChange(values))
        {
            return;
        }

        foreach (var kept in _kept.Values)
        {
            kept.State.Apply(values, out var changes);
            if (changes.Balancing)
            {
                kept.Latest?.Rebalance(keepsParts: false);
            }

            if (changes.Stocks)
            {
                ReturnStocks(kept.State);
            }
        }
    }

    /// <summary>Forgets a cluster that is no longer wanted.</summary>
    public void Remove(string name)
    {
        if (_kept.Remove(name, out var kept))
        {
            Leave(kept);
            CountMembers(kept.State.Stats, []);
            CountUpdate(kept.State.Stats);
            kept.State.StopObserving(registry);
            NoteLocal(name, null);
        }
    }

    /// <summary>Closes the idle connections of everything that left since the last call.</summary>
    public void RetireLeaving()
    {
        foreach (var endpoint in _leaving)
        {
            endpoint.Retire(workers);
        }

        _leaving.Clear();
    }

    /// <summary>Nothing is watched any more.</summary>
    public void End()
    {
        foreach (var kept in _kept.Values)
        {
            kept.State.Outlier?.Dispose();
        }
    }

    private void ReturnStocks(ClusterState cluster)
    {
        foreach (var worker in workers)
        {
            worker.Post(() =>
            {
                cluster.BreakerOf(isHigh: false).ReturnStocks(worker.Index);
                cluster.BreakerOf(isHigh: true).ReturnStocks(worker.Index);
            });
        }
    }

    private UpstreamTls TlsOf(UpstreamTlsConfig settings, string statName) => new(
        settings.SecretsAreMissing ? null : new ClientTlsContext(settings), new TlsStats(registry, $"cluster.{statName}."), HandshakeFailures)
    {
        SecretsNotReady = registry.Counter($"cluster.{statName}.client_ssl_socket_factory.upstream_context_secrets_not_ready"),
    };

    private ZoneRouting? ZonesOf(ClusterConfig config) =>
        Zone is null || config.UsesHash || config.Balancing.IsLocalityWeighted ? null : new ZoneRouting(Zone, new ZoneStats(registry, config.StatName));

    /// <summary>Where the cluster of the proxies themselves changed, all that goes by their zones is built again.</summary>
    private void NoteLocal(string name, Cluster? cluster)
    {
        if (Zone?.ClusterName != name)
        {
            return;
        }

        Zone.Note(cluster);
        foreach (var kept in _kept.Values.Where(static kept => kept.State.Zones is not null))
        {
            kept.Latest?.Rebalance();
        }
    }

    private OutlierDetector? DetectorOf(ClusterConfig config)
    {
        if (config.OutlierDetection is not { } detection)
        {
            return null;
        }

        var random = new WorkerRandom((ulong)time.GetTimestamp() ^ (ulong)string.GetHashCode(config.Name, StringComparison.Ordinal));
        var surroundings = new OutlierSurroundings(time, random, static work => ThreadPool.UnsafeQueueUserWorkItem(static work => work(), work, preferLocal: false), HealthChanged, OutlierEvents);
        return new OutlierDetector(config.Name, detection, new OutlierStats(registry, config.StatName), surroundings);
    }

    private void Leave(Kept? kept)
    {
        if (kept is not null)
        {
            Leave(kept.LeaveAllBut([]));
        }
    }

    private void Leave(EndpointState[] endpoints)
    {
        Array.ForEach(endpoints, HealthChecker.Leave);
        _leaving.AddRange(endpoints);
    }

    private void CountMembers(ClusterStats stats, ImmutableArray<Endpoint> endpoints)
    {
        registry.Shared.Set(stats.MembershipTotal, endpoints.Length);
        registry.Shared.Set(stats.MembershipHealthy, endpoints.Count(static endpoint => endpoint.Availability == Availability.Healthy));
        registry.Shared.Set(stats.MembershipDegraded, endpoints.Count(static endpoint => endpoint.Availability == Availability.Degraded));
        registry.Shared.Set(stats.MembershipExcluded, endpoints.Count(static endpoint => endpoint.IsExcluded));
    }

    private void CountMatches(string statName, ClusterTransportSockets sockets, IEnumerable<EndpointConfig> fresh)
    {
        foreach (var (name, count) in fresh.CountBy(sockets.MatchNameOf, StringComparer.Ordinal))
        {
            registry.Shared.Add(registry.Counter($"cluster.{statName}.{name}.total_match_count"), count);
        }
    }

    private void CountUpdate(ClusterStats stats)
    {
        registry.Shared.Increment(stats.MembershipChange);
    }

    private sealed record Kept(ClusterState State, Dictionary<SocketEndpoint, EndpointState> Endpoints)
    {
        /// <summary>The cluster that was built last.</summary>
        public Cluster? Latest { get; set; }

        /// <summary>What it was built from.</summary>
        public ClusterSpecification? Specification { get; set; }

        public EndpointState Take(EndpointConfig config, int workers)
        {
            if (!Endpoints.TryGetValue(config.Address, out var endpoint))
            {
                endpoint = config.IsLogical ? Move(config.Address) : null;
                if (endpoint is null)
                {
                    endpoint = new EndpointState(config.Address, State, workers);
                    endpoint.Outlier = State.Outlier?.Watch(endpoint);
                }

                Endpoints[config.Address] = endpoint;
            }

            endpoint.SetAdditionalAddresses(config.AdditionalAddresses);
            endpoint.Hostname = config.Hostname;
            return endpoint;
        }

        /// <summary>The one endpoint of a logical cluster, at a new address; null where there is none yet.</summary>
        private EndpointState? Move(SocketEndpoint address)
        {
            if (Endpoints.Count != 1)
            {
                return null;
            }

            var (previous, endpoint) = Endpoints.Single();
            Endpoints.Remove(previous);
            endpoint.MoveTo(address);
            return endpoint;
        }

        public EndpointState[] LeaveAllBut(ImmutableArray<Endpoint> staying)
        {
            var addresses = staying.Select(static endpoint => endpoint.Config.Address).ToHashSet();
            if (Endpoints.Count == addresses.Count)
            {
                return [];
            }

            var leaving = Endpoints.Values.Where(endpoint => !addresses.Contains(endpoint.Address)).ToArray();
            foreach (var endpoint in leaving)
            {
                Endpoints.Remove(endpoint.Address);
            }

            return leaving;
        }
    }
}

using System.Collections.Immutable;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Makes the balancer that a cluster's configuration asks for, over its endpoints as they are now. Runs off the workers.</summary>
internal static class LoadBalancerFactory
{
    /// <summary>A balancer over all endpoints, in subsets where the cluster has them.</summary>
    /// <param name="state">The cluster.</param>
    /// <param name="endpoints">All endpoints, whatever their health.</param>
    /// <param name="policy">How their health becomes load.</param>
    /// <param name="previous">The balancer that this one replaces, which was made by the same policy; null for none.</param>
    public static ILoadBalancer Create(ClusterState state, ImmutableArray<Endpoint> endpoints, AssignmentPolicy policy, ILoadBalancer? previous) => state.Subsets is not null
        ? SubsetBalancer.Build(state, endpoints, previous, (config, hosts) => Create(config, [.. hosts], policy, state.Workers, state.Zones))
        : Create(state.Balanced, endpoints, policy, state.Workers, state.Zones);

    /// <summary>A balancer over all priority levels.</summary>
    /// <param name="config">Policy and options.</param>
    /// <param name="endpoints">All endpoints, whatever their health.</param>
    /// <param name="policy">How their health becomes load.</param>
    /// <param name="workers">Number of workers.</param>
    /// <param name="zones">Where the proxy is; null where that does not matter.</param>
    public static ILoadBalancer Create(ClusterConfig config, ImmutableArray<Endpoint> endpoints, AssignmentPolicy policy, int workers, ZoneRouting? zones = null)
    {
        var levels = PriorityLevel.Split(endpoints);
        if (levels.Length == 0)
        {
            return NoEndpoint.Instance;
        }

        var load = PriorityLoad.Distribute(Array.ConvertAll(levels, level => level.Count(policy.WeightedPriorityHealth)), policy, config.Balancing.HealthyPanicThreshold);
        var sources = new List<ILoadBalancer>();
        var slots = new byte[PriorityBalancer.Slots];
        var next = 0;

        // As in Envoy, the healthy endpoints of all levels come before the degraded ones of any.
        foreach (var availability in (ReadOnlySpan<Availability>)[Availability.Healthy, Availability.Degraded])
        {
            for (var i = 0; i < levels.Length; i++)
            {
                var share = (availability == Availability.Healthy ? load.Healthy : load.Degraded)[i];
                if (share > 0)
                {
                    slots.AsSpan(next, share).Fill((byte)sources.Count);
                    next += share;
                    sources.Add(OfLevel(config, levels[i], availability, load.IsInPanic[i], policy, workers, i == 0 ? zones : null));
                }
            }
        }

        return sources.Count == 1 ? sources[0] : new PriorityBalancer([.. sources], slots);
    }

    /// <summary>A balancer over the endpoints of one level, or over all of them in panic. Zones matter for the healthy ones of the first level.</summary>
    public static ILoadBalancer OfLevel(ClusterConfig config, PriorityLevel level, Availability availability, bool isInPanic, AssignmentPolicy policy, int workers, ZoneRouting? zones = null)
    {
        var hosts = isInPanic ? level.Endpoints : level.Of(availability);
        if (hosts.Length == 0)
        {
            return NoEndpoint.Instance;
        }

        var balancer = config.LoadBalancing switch
        {
            LoadBalancingPolicy.RingHash or LoadBalancingPolicy.Maglev => ByHash(config, hosts),
            _ when config.Balancing.IsLocalityWeighted && !isInPanic => ByLocality(config, level, hosts, policy, workers),
            _ when zones is not null && availability == Availability.Healthy && !isInPanic =>
                ZoneBalancer.Create(config, level, OverHosts(config, hosts, workers), zones, zone => OverHosts(config, zone, workers)),
            _ => OverHosts(config, hosts, workers),
        };
        return !isInPanic ? balancer : new PanicBalancer(config.Balancing.ZoneAware.FailTrafficOnPanic ? NoEndpoint.Instance : balancer);
    }

    private static ILoadBalancer OverHosts(ClusterConfig config, Endpoint[] hosts, int workers)
    {
        // As in Envoy, the round that is begun while somebody starts slowly goes on until endpoints change again.
        var slowStart = config.Balancing.SlowStart is { } settings && Array.Exists(hosts, host => settings.IsRunning(host.State)) ? settings : null;
        return config.LoadBalancing switch
        {
            LoadBalancingPolicy.PeakEwma => new PeakEwma(hosts, config.ChoiceCount),
            LoadBalancingPolicy.Random => new RandomChoice(WeightedSchedule.Build(hosts, WeightsOf(hosts))),
            LoadBalancingPolicy.LeastRequest when slowStart is null && HaveEqualWeights(hosts) => new LeastRequest(hosts, config.ChoiceCount),
            LoadBalancingPolicy.LeastRequest => new WeightedRound(hosts, config.Balancing.ActiveRequestBias, slowStart, workers),
            _ when slowStart is not null => new WeightedRound(hosts, bias: 0, slowStart, workers),
            _ => InTurn(hosts, WeightsOf(hosts), workers),
        };
    }

    /// <summary>A round that is laid out beforehand, where one of bounded length has everybody exactly as often as it should.</summary>
    private static ILoadBalancer InTurn(Endpoint[] hosts, double[] weights, int workers) => WeightedSchedule.IsExact(weights)
        ? new RoundRobin(WeightedSchedule.Build(hosts, weights), workers)
        : new WeightedRound(hosts, bias: 0, slowStart: null, workers);

    private static ILoadBalancer ByLocality(ClusterConfig config, PriorityLevel level, Endpoint[] hosts, AssignmentPolicy policy, int workers)
    {
        var localities = LocalityWeights.Effective(level.Endpoints, hosts, policy.OverprovisioningFactor);

        // Where no locality has a weight, Envoy falls back to the endpoints of all of them.
        return localities.Count == 0
            ? OverHosts(config, hosts, workers)
            : LocalityBalancer.Create([.. localities.Select(locality => OverHosts(config, locality.Endpoints, workers))], [.. localities.Select(static locality => locality.Weight)], workers);
    }

    private static ILoadBalancer ByHash(ClusterConfig config, Endpoint[] hosts)
    {
        var options = config.Balancing;
        var shares = HashShare.Of(hosts, options);
        if (shares.Length == 0)
        {
            return NoEndpoint.Instance;
        }

        IHashTable table = config.LoadBalancing == LoadBalancingPolicy.Maglev
            ? new MaglevTable(shares, options.MaglevTableSize)
            : new HashRing(shares, options.MinimumRingSize, options.MaximumRingSize, options.RingHashFunction);
        return options.HashBalanceFactor == 0 ? new HashBalancer(shares, table) : new BoundedLoadBalancer(shares, table, options.HashBalanceFactor);
    }

    private static bool HaveEqualWeights(Endpoint[] hosts) => Array.TrueForAll(hosts, host => host.Config.Weight == hosts[0].Config.Weight);

    private static double[] WeightsOf(Endpoint[] hosts) => Array.ConvertAll(hosts, static host => (double)host.Config.Weight);
}

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

/// <summary>Keeps requests in the proxy's own zone as far as that is fair; inside a zone, another balancer picks.</summary>
internal sealed class ZoneBalancer : ILoadBalancer
{
    private readonly ILoadBalancer _all;
    private readonly ILoadBalancer[] _zones;
    private readonly ILoadBalancer[] _usable;
    private readonly ZonePlan _plan;
    private readonly ZoneAwareOptions _options;
    private readonly ZoneStats _stats;
    private readonly bool _isLocalInPanic;

    private ZoneBalancer(ILoadBalancer all, ILoadBalancer[] zones, ZonePlan plan, ZoneAwareOptions options, ZoneStats stats, bool isLocalInPanic)
    {
        _all = all;
        _zones = zones;
        _usable = Array.FindAll(zones, static zone => zone != NoEndpoint.Instance);
        _plan = plan;
        _options = options;
        _stats = stats;
        _isLocalInPanic = isLocalInPanic;
    }

    public IEnumerable<Endpoint> Candidates => _plan.IsDirect && _options.RoutingEnabled >= 100 && !_isLocalInPanic ? _zones[0].Candidates : _all.Candidates;

    /// <summary>A balancer over the healthy endpoints of the first priority; <paramref name="all"/> itself where zones do not matter.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="level">The first priority.</param>
    /// <param name="all">The balancer over all its healthy endpoints.</param>
    /// <param name="routing">Where the proxy is.</param>
    /// <param name="balancer">Makes the balancer inside a zone.</param>
    public static ILoadBalancer Create(ClusterConfig config, PriorityLevel level, ILoadBalancer all, ZoneRouting routing, Func<Endpoint[], ILoadBalancer> balancer)
    {
        var options = config.Balancing.ZoneAware;
        var (local, stats) = routing;
        stats.CountRecalculation();
        var healthy = level.Of(Availability.Healthy);
        var byZone = healthy.ToLookup(static endpoint => endpoint.Config.Locality, StringComparer.Ordinal);
        string[] zones = [.. level.Endpoints.Select(static endpoint => endpoint.Config.Locality).Distinct(StringComparer.Ordinal).OrderBy(zone => zone != local.Locality)];
        var proxies = local.Proxies;
        if (zones.Length < 2 || (options.ForceLocalZone is null && proxies.Select(static proxy => proxy.Config.Locality).Distinct(StringComparer.Ordinal).Count() < 2))
        {
            return all;
        }

        if (!Array.Exists(proxies, proxy => proxy.Config.Locality == local.Locality))
        {
            stats.CountLocalClusterNotOk();
            return all;
        }

        if ((ulong)healthy.Length < options.MinClusterSize)
        {
            stats.CountTooSmall();
            return all;
        }

        var healthyProxies = Array.FindAll(proxies, static proxy => proxy.Availability == Availability.Healthy);
        var hasLocal = zones[0] == local.Locality;
        var plan = ZonePlan.Of(
            Array.ConvertAll(zones, zone => Size(healthyProxies.Where(proxy => proxy.Config.Locality == zone), options)),
            Size(healthyProxies, options),
            Array.ConvertAll(zones, zone => Size(byZone[zone], options)),
            hasLocal,
            hasLocal && options.ForceLocalZone is { } least && byZone[zones[0]].Any() && byZone[zones[0]].Count() >= least);
        return new ZoneBalancer(
            all,
            Array.ConvertAll(zones, zone => byZone[zone].Any() ? balancer([.. byZone[zone]]) : NoEndpoint.Instance),
            plan, options, stats, IsInPanic(proxies, config.Balancing.HealthyPanicThreshold));
    }

    public Endpoint? Pick(in PickRequest request)
    {
        var page = request.Worker.Stats;
        var random = request.Worker.Random;
        if (_options.RoutingEnabled < 100 && random.Next(100) >= _options.RoutingEnabled)
        {
            return _all.Pick(request);
        }

        if (_isLocalInPanic)
        {
            page.Increment(_stats.LocalClusterNotOk);
            return _options.FailTrafficOnPanic ? null : _all.Pick(request);
        }

        if (_plan.IsDirect)
        {
            page.Increment(_stats.AllDirectly);
            return _zones[0].Pick(request);
        }

        if (random.Next(ZonePlan.Whole) < _plan.LocalShare)
        {
            page.Increment(_stats.Sampled);
            return _zones[0].Pick(request);
        }

        page.Increment(_stats.CrossZone);
        var residual = _plan.Residual;
        if (residual[^1] == 0)
        {
            page.Increment(_stats.NoCapacityLeft);
            return _usable[random.Next(_usable.Length)].Pick(request);
        }

        var point = random.Next((int)residual[^1]);
        var zone = 0;
        while (point >= residual[zone])
        {
            zone++;
        }

        return _zones[zone].Pick(request);
    }

    private static long Size(IEnumerable<Endpoint> endpoints, ZoneAwareOptions options) => endpoints.Sum(endpoint => options.ByWeight ? endpoint.Config.Weight : 1L);

    private static bool IsInPanic(Endpoint[] proxies, int threshold)
    {
        var counted = proxies.Count(static proxy => !proxy.IsExcluded);
        var usable = proxies.Count(static proxy => proxy.Availability != Availability.Unhealthy);
        return (counted == 0 ? 0.0 : 100.0 * usable / counted) < threshold;
    }
}

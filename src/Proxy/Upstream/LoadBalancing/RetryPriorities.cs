using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The priority levels of a cluster for retries that leave some of them out: the load of a level is decided for each pick, by the levels that are left.
/// Balancers are made when a level is first needed; most never are.
/// </summary>
internal sealed class RetryPriorities
{
    private const int All = 100;

    private readonly ClusterConfig _config;
    private readonly AssignmentPolicy _policy;
    private readonly int _workers;
    private readonly PriorityLevel[] _levels;
    private readonly PriorityLoad _load;
    private readonly ILoadBalancer?[] _healthy;
    private readonly ILoadBalancer?[] _degraded;

    /// <summary>The levels of a cluster with endpoints as they are now.</summary>
    public RetryPriorities(ClusterConfig config, ImmutableArray<Endpoint> endpoints, AssignmentPolicy policy, int workers)
    {
        _config = config;
        _policy = policy;
        _workers = workers;
        _levels = PriorityLevel.Split(endpoints);
        _load = PriorityLoad.Distribute(Array.ConvertAll(_levels, level => level.Count(policy.WeightedPriorityHealth)), policy, config.Balancing.HealthyPanicThreshold);
        _healthy = new ILoadBalancer?[_levels.Length];
        _degraded = new ILoadBalancer?[_levels.Length];
    }

    /// <summary>Number of levels.</summary>
    public int Count => _levels.Length;

    /// <summary>What the levels that are left can take of the load, at most 100; 0 where there is no use in asking them.</summary>
    /// <param name="excluded">By level; levels beyond its end are not left out.</param>
    public int Availability(ReadOnlySpan<bool> excluded)
    {
        var sum = 0;
        for (var i = 0; i < _levels.Length; i++)
        {
            sum += IsExcluded(excluded, i) ? 0 : _load.HealthyAvailability[i] + _load.DegradedAvailability[i];
        }

        return Math.Min(All, sum);
    }

    /// <summary>An endpoint of the levels that are left, whose <see cref="Availability"/> is not 0.</summary>
    public Endpoint? Pick(in PickRequest request, ReadOnlySpan<bool> excluded)
    {
        var total = Availability(excluded);
        var point = (int)(request.HashOrRandom() % All);

        // What rounding leaves over belongs to the first level that can take any.
        var (first, isFirstHealthy) = (-1, true);
        var end = 0;
        foreach (var isHealthy in (ReadOnlySpan<bool>)[true, false])
        {
            for (var i = 0; i < _levels.Length; i++)
            {
                var availability = IsExcluded(excluded, i) ? 0 : (isHealthy ? _load.HealthyAvailability : _load.DegradedAvailability)[i];
                if (availability == 0)
                {
                    continue;
                }

                if (first < 0)
                {
                    (first, isFirstHealthy) = (i, isHealthy);
                }

                end += availability * All / total;
                if (point < end)
                {
                    return Of(i, isHealthy).Pick(request);
                }
            }
        }

        return Of(first, isFirstHealthy).Pick(request);
    }

    private static bool IsExcluded(ReadOnlySpan<bool> excluded, int level) => level < excluded.Length && excluded[level];

    private ILoadBalancer Of(int level, bool isHealthy)
    {
        // Two workers may make one at once; then one of the two is used.
        ref var known = ref (isHealthy ? _healthy : _degraded)[level];
        return Volatile.Read(ref known) ?? Interlocked.CompareExchange(ref known, Make(level, isHealthy), null) ?? known;
    }

    private ILoadBalancer Make(int level, bool isHealthy) => LoadBalancerFactory.OfLevel(
        _config, _levels[level], isHealthy ? Upstream.Availability.Healthy : Upstream.Availability.Degraded, _load.IsInPanic[level], _policy, _workers);
}

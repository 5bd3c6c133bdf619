using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>The endpoints of one priority, by what they are good for.</summary>
internal sealed class PriorityLevel(Endpoint[] endpoints)
{
    private readonly Endpoint[] _healthy = With(endpoints, Availability.Healthy);
    private readonly Endpoint[] _degraded = With(endpoints, Availability.Degraded);

    /// <summary>All of them, whatever their health.</summary>
    public Endpoint[] Endpoints { get; } = endpoints;

    /// <summary>The endpoints with this availability.</summary>
    public Endpoint[] Of(Availability availability) => availability == Availability.Healthy ? _healthy : _degraded;

    /// <summary>Numbers to distribute load by.</summary>
    /// <param name="byWeight">True to let weights say how much of the level is healthy (<c>weighted_priority_health</c>).</param>
    public LevelHealth Count(bool byWeight)
    {
        var counted = Array.FindAll(Endpoints, static endpoint => !endpoint.IsExcluded);
        return new LevelHealth(
            Endpoints.Length, _healthy.Length, _degraded.Length, byWeight ? Sum(counted) : counted.Length, byWeight ? Sum(_healthy) : _healthy.Length, byWeight ? Sum(_degraded) : _degraded.Length)
        {
            Excluded = Endpoints.Length - counted.Length,
        };
    }

    /// <summary>All levels from priority 0 to the last that has an endpoint; those between may be empty.</summary>
    public static PriorityLevel[] Split(ImmutableArray<Endpoint> endpoints)
    {
        if (endpoints.IsEmpty)
        {
            return [];
        }

        var byPriority = endpoints.ToLookup(static endpoint => endpoint.Config.Priority);
        return [.. Enumerable.Range(0, byPriority.Max(static level => level.Key) + 1).Select(priority => new PriorityLevel([.. byPriority[priority]]))];
    }

    private static long Sum(Endpoint[] endpoints) => endpoints.Sum(static endpoint => (long)endpoint.Config.Weight);

    private static Endpoint[] With(Endpoint[] endpoints, Availability availability) => Array.FindAll(endpoints, endpoint => endpoint.Availability == availability);
}

/// <summary>How healthy a priority level is.</summary>
/// <param name="Hosts">Number of endpoints.</param>
/// <param name="HealthyHosts">Those that are healthy.</param>
/// <param name="DegradedHosts">Those that are degraded.</param>
/// <param name="Total">What the share of healthy ones is taken of: endpoints or their weights.</param>
/// <param name="Healthy">Share of the healthy ones in <paramref name="Total"/>.</param>
/// <param name="Degraded">Share of the degraded ones in <paramref name="Total"/>.</param>
internal readonly record struct LevelHealth(int Hosts, int HealthyHosts, int DegradedHosts, long Total, long Healthy, long Degraded)
{
    /// <summary>Those that the share of usable ones is not taken of; they are in <see cref="Hosts"/> and not in <see cref="Total"/>.</summary>
    public int Excluded { get; init; }
}

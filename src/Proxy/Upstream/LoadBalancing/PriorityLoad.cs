namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// How much of the load each priority level takes, in percent, from the health of all levels. Source: Envoy documentation, "Priority levels",
/// "Degraded endpoints" and "Panic threshold"; whole numbers are rounded as Envoy rounds them.
/// </summary>
internal sealed class PriorityLoad
{
    private const int All = 100;

    private PriorityLoad(int levels)
    {
        Healthy = new int[levels];
        Degraded = new int[levels];
        IsInPanic = new bool[levels];
    }

    /// <summary>What the healthy endpoints of each level could take of all load, at most 100 each.</summary>
    public int[] HealthyAvailability { get; private init; } = [];

    /// <summary>What the degraded endpoints of each level could take of all load, at most 100 each.</summary>
    public int[] DegradedAvailability { get; private init; } = [];

    /// <summary>Load on the healthy endpoints of each level; with <see cref="Degraded"/> it adds up to 100.</summary>
    public int[] Healthy { get; }

    /// <summary>Load on the degraded endpoints of each level.</summary>
    public int[] Degraded { get; }

    /// <summary>The levels whose load goes to all their endpoints, whatever their health.</summary>
    public bool[] IsInPanic { get; }

    /// <summary>Distributes the load over at least one level.</summary>
    /// <param name="levels">Health by priority.</param>
    /// <param name="policy">Overprovisioning.</param>
    /// <param name="panicThreshold">Percentage of usable endpoints below which a level is in panic; 0 for never.</param>
    public static PriorityLoad Distribute(LevelHealth[] levels, AssignmentPolicy policy, int panicThreshold)
    {
        var healthy = Array.ConvertAll(levels, level => Availability(level.Healthy, level.Total, policy));
        var degraded = Array.ConvertAll(levels, level => Availability(level.Degraded, level.Total, policy));
        var load = new PriorityLoad(levels.Length) { HealthyAvailability = healthy, DegradedAvailability = degraded };
        var total = Math.Min(All, healthy.Sum() + degraded.Sum());
        if (total > 0)
        {
            load.Spread(healthy, degraded, total);
        }
        else if (panicThreshold == 0)
        {
            // Nobody will be found there, but the load has to go somewhere.
            load.Healthy[0] = All;
            return load;
        }

        // As long as all levels together can take all of the load, none of them panics.
        for (var i = 0; i < levels.Length; i++)
        {
            load.IsInPanic[i] = total < All && IsBelow(levels[i], panicThreshold);
        }

        if (Array.TrueForAll(load.IsInPanic, static isInPanic => isInPanic))
        {
            load.SpreadByHosts(levels);
        }
        else if (total == 0)
        {
            // Little of the weight is well, but too many of the endpoints for a panic: it has to go somewhere.
            load.Healthy[Math.Max(0, Array.FindIndex(levels, static level => level.HealthyHosts > 0))] = All;
        }

        return load;
    }

    private static int Availability(long part, long total, AssignmentPolicy policy) =>
        total == 0 ? 0 : (int)UInt128.Min(All, (UInt128)policy.OverprovisioningFactor * (ulong)part / (ulong)total);

    private static bool IsBelow(LevelHealth level, int threshold)
    {
        var counted = level.Hosts - level.Excluded;
        var usable = counted == 0 ? 0.0 : 100.0 * (level.HealthyHosts + level.DegradedHosts) / counted;
        return usable < threshold;
    }

    private void Spread(int[] healthy, int[] degraded, int total)
    {
        var left = Assign(Healthy, healthy, total, All);
        left = Assign(Degraded, degraded, total, left);

        // What rounding left over.
        var first = Array.FindIndex(healthy, static availability => availability > 0);
        if (first >= 0)
        {
            Healthy[first] += left;
        }
        else
        {
            Degraded[Array.FindIndex(degraded, static availability => availability > 0)] += left;
        }
    }

    private static int Assign(int[] load, int[] availability, int total, int left)
    {
        for (var i = 0; i < load.Length; i++)
        {
            load[i] = Math.Min(left, availability[i] * All / total);
            left -= load[i];
        }

        return left;
    }

    /// <summary>Every level is in panic: health says nothing any more, so the number of endpoints decides.</summary>
    private void SpreadByHosts(LevelHealth[] levels)
    {
        var hosts = levels.Sum(static level => (long)level.Hosts);
        Array.Clear(Degraded);
        var left = All;
        for (var i = 0; i < levels.Length; i++)
        {
            Healthy[i] = hosts == 0 ? 0 : (int)(All * (long)levels[i].Hosts / hosts);
            left -= Healthy[i];
        }

        Healthy[Math.Max(0, Array.FindIndex(levels, static level => level.Hosts > 0))] += left;
    }
}

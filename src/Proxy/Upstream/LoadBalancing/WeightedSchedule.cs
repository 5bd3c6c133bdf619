namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// One round of a weighted round robin, laid out beforehand: each endpoint stands in it as often as its weight says, spread evenly
/// (smooth weighted round robin). Endpoints of equal weight stand once.
/// </summary>
internal static class WeightedSchedule
{
    /// <summary>Longest round; weights that would need more are scaled down, no endpoint below one turn.</summary>
    public const int MaxTurns = 8192;

    public static Endpoint[] Build(Endpoint[] endpoints)
    {
        var weights = Reduce(endpoints);
        if (Array.TrueForAll(weights, static weight => weight == 1))
        {
            return endpoints;
        }

        var total = weights.Sum();
        var schedule = new Endpoint[total];

        // Earliest virtual time first, which spreads each endpoint evenly in n log n. Endpoints start apart: those of equal weight would
        // otherwise stand side by side, and a heavy one would get the rest of its share in one piece.
        var queue = new PriorityQueue<int, (double Time, int Index)>(endpoints.Length);
        for (var i = 0; i < endpoints.Length; i++)
        {
            queue.Enqueue(i, (Phase(i) / weights[i], i));
        }

        var turns = new int[endpoints.Length];
        for (var turn = 0; turn < total; turn++)
        {
            var i = queue.Dequeue();
            schedule[turn] = endpoints[i];
            turns[i]++;
            queue.Enqueue(i, ((turns[i] + Phase(i)) / weights[i], i));
        }

        return schedule;

        double Phase(int index) => (index + 0.5) / endpoints.Length;
    }

    private static int[] Reduce(Endpoint[] endpoints)
    {
        var divisor = endpoints.Aggregate(0, static (gcd, endpoint) => GreatestCommonDivisor(gcd, endpoint.Config.Weight));
        var weights = Array.ConvertAll(endpoints, endpoint => endpoint.Config.Weight / divisor);
        var total = weights.Sum(static weight => (long)weight);
        var room = Math.Max(MaxTurns, endpoints.Length);
        return total <= room ? weights : Array.ConvertAll(weights, weight => (int)Math.Max(1, weight * (long)room / total));
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}

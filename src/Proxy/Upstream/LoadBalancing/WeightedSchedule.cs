namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// One round of a weighted round robin, laid out beforehand: each item stands in it as often as its weight says, spread evenly
/// (smooth weighted round robin). Items of equal weight stand once.
/// </summary>
internal static class WeightedSchedule
{
    /// <summary>Longest round; weights that would need more are scaled down, no item below one turn.</summary>
    public const int MaxTurns = 8192;

    /// <summary>Lays out a round.</summary>
    /// <param name="items">At least one.</param>
    /// <param name="weights">Of each a weight above 0.</param>
    public static T[] Build<T>(T[] items, double[] weights)
    {
        var turns = Reduce(weights);
        if (Array.TrueForAll(turns, static count => count == 1))
        {
            return items;
        }

        var total = turns.Sum();
        var schedule = new T[total];

        // Earliest virtual time first, which spreads each item evenly in n log n. Items start apart: those of equal weight would otherwise
        // stand side by side, and a heavy one would get the rest of its share in one piece.
        var queue = new PriorityQueue<int, (double Time, int Index)>(items.Length);
        for (var i = 0; i < items.Length; i++)
        {
            queue.Enqueue(i, (Phase(i) / turns[i], i));
        }

        var taken = new int[items.Length];
        for (var turn = 0; turn < total; turn++)
        {
            var i = queue.Dequeue();
            schedule[turn] = items[i];
            taken[i]++;
            queue.Enqueue(i, ((taken[i] + Phase(i)) / turns[i], i));
        }

        return schedule;

        double Phase(int index) => (index + 0.5) / items.Length;
    }

    /// <summary>True where a round gives everybody exactly the share that the weights say.</summary>
    public static bool IsExact(double[] weights) => TryReduce(weights, out _);

    private static int[] Reduce(double[] weights)
    {
        if (TryReduce(weights, out var divisor))
        {
            return Array.ConvertAll(weights, weight => (int)(weight / divisor));
        }

        var room = Math.Max(MaxTurns, weights.Length);
        var total = weights.Sum();
        return Array.ConvertAll(weights, weight => (int)Math.Max(1, weight * room / total));
    }

    private static bool TryReduce(double[] weights, out double divisor)
    {
        var least = Array.TrueForAll(weights, double.IsInteger) ? weights.Aggregate(0.0, GreatestCommonDivisor) : weights.Min();
        divisor = least;
        return Array.TrueForAll(weights, weight => double.IsInteger(weight / least)) && weights.Sum() / least <= Math.Max(MaxTurns, weights.Length);
    }

    private static double GreatestCommonDivisor(double a, double b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}

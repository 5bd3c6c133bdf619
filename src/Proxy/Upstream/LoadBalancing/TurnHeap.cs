namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>
/// Turns of a few: a binary heap by when they are due, in which only the first one ever moves. Of at most <see cref="Most"/> it is six steps deep, and costs less than
/// <see cref="TurnWheel"/>, whose order it has otherwise. Never grows.
/// </summary>
internal sealed class TurnHeap : ITurns
{
    /// <summary>Most indexes for which it is the better choice.</summary>
    public const int Most = 63;

    private readonly ulong[] _due;
    private readonly int[] _indexes;

    /// <summary>Turns of so many indexes.</summary>
    /// <param name="intervals">The first interval of each, at least <see cref="TurnWheel.Unit"/>.</param>
    /// <param name="random">Spreads the first turns.</param>
    public TurnHeap(ReadOnlySpan<ulong> intervals, Func<ulong> random)
    {
        _due = new ulong[intervals.Length];
        for (var i = 0; i < _due.Length; i++)
        {
            _due[i] = ITurns.FirstOf(Math.Min(intervals[i], Longest), random());
        }

        _indexes = [.. Enumerable.Range(0, _due.Length)];
        Array.Sort(_due, _indexes);
    }

    public ulong Longest => 1UL << 61;

    public int Take() => _indexes[0];

    public void Put(int index, ulong interval)
    {
        var (times, indexes) = (_due, _indexes);
        var due = times[0] + Math.Clamp(interval, TurnWheel.Unit, Longest);
        var place = 0;
        while (true)
        {
            var child = (2 * place) + 1;
            if (child >= times.Length)
            {
                break;
            }

            if (child + 1 < times.Length && IsBefore(times[child + 1], times[child]))
            {
                child++;
            }

            if (!IsBefore(times[child], due))
            {
                break;
            }

            times[place] = times[child];
            indexes[place] = indexes[child];
            place = child;
        }

        times[place] = due;
        indexes[place] = index;
    }

    /// <summary>All that is due lies within half of what virtual time goes round in.</summary>
    private static bool IsBefore(ulong one, ulong other) => (long)(one - other) < 0;
}

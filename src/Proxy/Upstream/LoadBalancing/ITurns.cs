using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Indexes by when their next turn is due, in virtual time: what an index gets of the turns is the inverse of its intervals. One worker owns it.</summary>
internal interface ITurns
{
    /// <summary>Longer intervals are cut to that.</summary>
    ulong Longest { get; }

    /// <summary>Takes out the index whose turn is next; it has to be put back before the next is taken out.</summary>
    int Take();

    /// <summary>Puts back the index that was taken out, for that long after its turn was due.</summary>
    void Put(int index, ulong interval);

    /// <summary>Turns of so many indexes, whose first ones are due somewhere in their first interval.</summary>
    /// <param name="intervals">The first interval of each, at least <see cref="TurnWheel.Unit"/>.</param>
    /// <param name="longest">The longest interval that will be asked for.</param>
    /// <param name="random">Spreads the first turns, so that workers and proxies that begin at once do not march in step.</param>
    static ITurns Of(ulong[] intervals, ulong longest, WorkerRandom random) =>
        intervals.Length <= TurnHeap.Most ? new TurnHeap(intervals, random.Next) : new TurnWheel(intervals, longest, random.Next);

    /// <summary>Somewhere in the first interval.</summary>
    static ulong FirstOf(ulong interval, ulong random) => 1 + (ulong)(((UInt128)random * interval) >> 64);
}

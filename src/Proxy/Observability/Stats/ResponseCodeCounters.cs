namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>A counter for each response code, registered when the code is first seen. Any thread may ask.</summary>
internal sealed class ResponseCodeCounters(StatRegistry registry, string prefix)
{
    private const int First = 100;
    private const int Last = 999;

    private const int OfClass = 100;

    // By class, then by code: a table for all codes would be the largest part of a cluster that nobody asks for anything.
    private readonly Entry?[]?[] _counters = new Entry?[]?[(Last - First + 1) / OfClass];

    /// <summary>The counter of a code of 100 to 999; any other counts as 999.</summary>
    public Counter For(int code)
    {
        var (index, offset) = Math.DivRem((uint)((code is >= First and <= Last ? code : Last) - First), OfClass);
        return (_counters[index] is { } entries && entries[offset] is { } entry ? entry : Register((int)index, (int)offset)).Counter;
    }

    private Entry Register(int index, int offset)
    {
        // Registering twice gives the same counter, so a race is harmless; a table that another worker has put in is kept.
        var entries = Interlocked.CompareExchange(ref _counters[index], new Entry?[OfClass], null) ?? _counters[index]!;
        var entry = new Entry(registry.Counter(prefix + ((index * OfClass) + offset + First)));
        entries[offset] = entry;
        return entry;
    }

    private sealed record Entry(Counter Counter);
}

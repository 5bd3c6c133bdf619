namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>A counter for each response code, registered when the code is first seen. Any thread may ask.</summary>
internal sealed class ResponseCodeCounters(StatRegistry registry, string prefix)
{
    private const int First = 100;
    private const int Last = 999;

    private readonly Entry?[] _counters = new Entry?[Last - First + 1];

    /// <summary>The counter of a code of 100 to 999; any other counts as 999.</summary>
    public Counter For(int code)
    {
        var index = (code is >= First and <= Last ? code : Last) - First;
        var entry = _counters[index];
        if (entry is null)
        {
            // Registering twice gives the same counter, so a race is harmless.
            entry = new Entry(registry.Counter(prefix + (index + First)));
            _counters[index] = entry;
        }

        return entry.Counter;
    }

    private sealed record Entry(Counter Counter);
}

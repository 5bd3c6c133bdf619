namespace KubeProxyNet.Fuzz.Generation;

/// <summary>Random numbers (SplitMix64) that are the same for the same seed on every runtime, so that a case can be named by two numbers.</summary>
internal sealed class FuzzRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;
    private ulong _state;

    public FuzzRandom(ulong seed) => _state = seed;

    /// <summary>The numbers of one case of a run.</summary>
    public static FuzzRandom Of(ulong seed, long index) => new(Mix(seed + Golden) ^ Mix((ulong)index * Golden));

    public ulong NextLong() => Mix(_state += Golden);

    /// <summary>0 to <paramref name="limit"/> - 1; 0 where the limit is not positive.</summary>
    public int Next(int limit) => limit <= 0 ? 0 : (int)(NextLong() % (ulong)limit);

    /// <summary>From <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + Next(high - low + 1);

    /// <summary>True once in so many.</summary>
    public bool Once(int inSoMany) => Next(inSoMany) == 0;

    public T Of<T>(T[] items) => items[Next(items.Length)];

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

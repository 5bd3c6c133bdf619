using System.Numerics;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>xoshiro256** (Blackman and Vigna, 2018): fast, seedable, not for secrets. One worker owns it.</summary>
internal sealed class WorkerRandom
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    public WorkerRandom(ulong seed)
    {
        // SplitMix64 spreads the seed, as the authors advise.
        _s0 = Mix(ref seed);
        _s1 = Mix(ref seed);
        _s2 = Mix(ref seed);
        _s3 = Mix(ref seed);
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number in [0, bound), without modulo bias worth measuring.</summary>
    public int Next(int bound) => (int)(((Next() >> 32) * (ulong)(uint)bound) >> 32);

    private static ulong Mix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

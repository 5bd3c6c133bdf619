using System.Numerics;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// Counts of values in buckets whose width grows with the value: exact below 128, then 64 buckets an octave, so that a bucket is never
/// wider than 1/64 (1.6 %) of what it holds. Single writer; readers see each bucket whole. Memory is 512 bytes an octave that was ever
/// hit, at most 19 kB.
/// </summary>
internal sealed class LogLinearHistogram
{
    private const int SubBits = 6;
    private const int SubBuckets = 1 << SubBits;
    private const int MaxExponent = 42;

    /// <summary>The largest value that is told apart from larger ones.</summary>
    internal const long MaxValue = 1L << MaxExponent;

    /// <summary>Number of buckets of the whole layout.</summary>
    internal const int BucketCount = (MaxExponent - SubBits + 2) * SubBuckets;

    private readonly long[]?[] _octaves = new long[]?[MaxExponent - SubBits + 2];
    private long _sum;

    internal long Sum => Volatile.Read(ref _sum);

    internal void Record(long value)
    {
        value = Math.Clamp(value, 0, MaxValue);
        _sum += value;
        var bucket = BucketOf(value);
        var octave = _octaves[bucket >> SubBits];
        if (octave is null)
        {
            octave = new long[SubBuckets];
            Volatile.Write(ref _octaves[bucket >> SubBits], octave);
        }

        octave[bucket & (SubBuckets - 1)]++;
    }

    /// <summary>Adds the counts to <paramref name="counts"/>, which has <see cref="BucketCount"/> elements.</summary>
    internal void AddTo(Span<long> counts)
    {
        for (var octave = 0; octave < _octaves.Length; octave++)
        {
            var values = Volatile.Read(ref _octaves[octave]);
            for (var i = 0; values is not null && i < values.Length; i++)
            {
                counts[(octave << SubBits) + i] += Volatile.Read(ref values[i]);
            }
        }
    }

    internal static int BucketOf(long value)
    {
        if (value < SubBuckets)
        {
            return (int)value;
        }

        var exponent = BitOperations.Log2((ulong)value);
        var sub = (int)(value >> (exponent - SubBits)) - SubBuckets;
        return ((exponent - SubBits + 1) << SubBits) + sub;
    }

    /// <summary>The smallest value of a bucket.</summary>
    internal static long LowerBound(int bucket)
    {
        var octave = bucket >> SubBits;
        long sub = bucket & (SubBuckets - 1);
        return octave == 0 ? sub : (sub + SubBuckets) << (octave - 1);
    }

    /// <summary>The number of whole values that fall into a bucket.</summary>
    internal static long Width(int bucket) => bucket < SubBuckets ? 1 : 1L << ((bucket >> SubBits) - 1);
}

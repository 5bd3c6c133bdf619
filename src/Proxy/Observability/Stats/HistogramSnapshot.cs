namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>A histogram at one moment, merged over all pages. Immutable.</summary>
public sealed class HistogramSnapshot
{
    /// <summary>No value at all.</summary>
    public static readonly HistogramSnapshot Empty = new([], 0);

    private readonly HistogramBucket[] _buckets;

    internal HistogramSnapshot(HistogramBucket[] buckets, long sum)
    {
        _buckets = buckets;
        Sum = sum;
        foreach (var bucket in buckets)
        {
            Count += bucket.Count;
        }
    }

    /// <summary>How many values were recorded.</summary>
    public long Count { get; }

    /// <summary>Sum of the recorded values, in the histogram's own unit.</summary>
    public long Sum { get; }

    /// <summary>The buckets that hold something, smallest first.</summary>
    public IReadOnlyList<HistogramBucket> Buckets => _buckets;

    /// <summary>
    /// The value below which the share <paramref name="quantile"/> (0 to 1) of the recorded values lies, right within 1.6 %;
    /// NaN where nothing was recorded.
    /// </summary>
    public double Quantile(double quantile)
    {
        if (Count == 0)
        {
            return double.NaN;
        }

        var rank = quantile * Count;
        long below = 0;
        foreach (var bucket in _buckets)
        {
            if (below + bucket.Count >= rank)
            {
                var within = Math.Max(0, rank - below) / bucket.Count;
                return bucket.LowerBound + (within * (bucket.Width - 1));
            }

            below += bucket.Count;
        }

        var last = _buckets[^1];
        return last.LowerBound + last.Width - 1;
    }

    /// <summary>How many recorded values are at most <paramref name="limit"/>; a bucket counts with its smallest value.</summary>
    public long CountAtMost(double limit)
    {
        long count = 0;
        foreach (var bucket in _buckets)
        {
            if (bucket.LowerBound > limit)
            {
                break;
            }

            count += bucket.Count;
        }

        return count;
    }

    /// <summary>What was recorded since <paramref name="earlier"/>, a snapshot of the same histogram.</summary>
    public HistogramSnapshot Since(HistogramSnapshot earlier)
    {
        var before = earlier._buckets.ToDictionary(static bucket => bucket.LowerBound, static bucket => bucket.Count);
        var buckets = _buckets
            .Select(bucket => bucket with { Count = bucket.Count - before.GetValueOrDefault(bucket.LowerBound) })
            .Where(static bucket => bucket.Count > 0)
            .ToArray();
        return new HistogramSnapshot(buckets, Sum - earlier.Sum);
    }

    /// <summary>One of several pages' parts.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="scratch">Kept from call to call.</param>
    internal static HistogramSnapshot Merge(IReadOnlyCollection<LogLinearHistogram> parts, ref long[] scratch)
    {
        if (parts.Count == 0)
        {
            return Empty;
        }

        scratch = scratch.Length == 0 ? new long[LogLinearHistogram.BucketCount] : scratch;
        Span<long> counts = scratch;
        counts.Clear();
        long sum = 0;
        foreach (var part in parts)
        {
            part.AddTo(counts);
            sum += part.Sum;
        }

        var buckets = new List<HistogramBucket>();
        for (var i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
            {
                buckets.Add(new HistogramBucket(LogLinearHistogram.LowerBound(i), LogLinearHistogram.Width(i), counts[i]));
            }
        }

        return buckets.Count == 0 ? Empty : new HistogramSnapshot([.. buckets], sum);
    }
}

/// <summary>Values from <paramref name="LowerBound"/> to <paramref name="LowerBound"/> + <paramref name="Width"/> - 1.</summary>
public readonly record struct HistogramBucket(long LowerBound, long Width, long Count);

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// The numbers of one writer. A page that <see cref="StatRegistry.CreatePage"/> made belongs to one thread, which writes it with
/// plain stores; any thread may read it during a scrape. <see cref="StatRegistry.Shared"/> is the one page that any thread may write:
/// it takes a lock a write, which is meant for rare events off the workers.
/// </summary>
/// <remarks>
/// Values live in segments that the owner adds on first touch and that never move, so a reader needs no lock: it sees a value of some
/// moment of the recent past, and never a torn one. After first touch a write allocates nothing.
/// </remarks>
public sealed class StatPage
{
    private const int SegmentBits = 7;
    private const int SegmentSize = 1 << SegmentBits;
    private const int SegmentMask = SegmentSize - 1;

    private readonly Lock? _gate;

    // What the fast path looks at: the directories below, or, on the shared page, always empty, which leads every write to the lock.
    private long[]?[] _fastScalars = [];
    private LogLinearHistogram?[] _fastHistograms = [];

    private long[]?[] _scalars = [];
    private LogLinearHistogram?[] _histograms = [];

    internal StatPage(bool shared) => _gate = shared ? new Lock() : null;

    /// <summary>Adds one to a counter.</summary>
    public void Increment(Counter counter) => Add(counter, 1);

    /// <summary>Adds to a counter.</summary>
    public void Add(Counter counter, long amount)
    {
        var segment = FastSegment(counter.Index);
        if (segment is not null)
        {
            segment[counter.Index & SegmentMask] += amount;
            return;
        }

        AddSlowly(counter.Index, amount, isGauge: false);
    }

    /// <summary>Adds a delta, which may be negative, to a gauge.</summary>
    public void Add(Gauge gauge, long delta)
    {
        var segment = FastSegment(gauge.Index);
        if (segment is not null)
        {
            AddToGauge(ref segment[gauge.Index & SegmentMask], delta);
            return;
        }

        AddSlowly(gauge.Index, delta, isGauge: true);
    }

    /// <summary>Sets this page's share of a gauge; the gauge shows the sum over pages, so one page alone should set it.</summary>
    public void Set(Gauge gauge, long value)
    {
        using (_gate is null ? default : _gate.EnterScope())
        {
            GrowScalars(gauge.Index)[gauge.Index & SegmentMask] = (value << 1) | 1;
        }
    }

    /// <summary>Records one value; negative ones count as zero, values above 2^42 as 2^42.</summary>
    public void Record(Histogram histogram, long value)
    {
        var histograms = _fastHistograms;
        if ((uint)histogram.Index < (uint)histograms.Length && histograms[histogram.Index] is { } recorder)
        {
            recorder.Record(value);
            return;
        }

        RecordSlowly(histogram.Index, value);
    }

    internal long ReadCounter(int index) => ReadScalar(index);

    /// <summary>The share of this page and whether the gauge was ever written here.</summary>
    internal (long Value, bool Used) ReadGauge(int index)
    {
        var raw = ReadScalar(index);
        return (raw >> 1, (raw & 1) != 0);
    }

    internal LogLinearHistogram? ReadHistogram(int index)
    {
        var histograms = Volatile.Read(ref _histograms);
        return index < histograms.Length ? Volatile.Read(ref histograms[index]) : null;
    }

    // A gauge keeps its value above a low bit that says "written at least once": a gauge that is back at zero is still a used one.
    private static void AddToGauge(ref long slot, long delta) => slot = (slot + (delta << 1)) | 1;

    private long ReadScalar(int index)
    {
        var scalars = Volatile.Read(ref _scalars);
        var segment = index >> SegmentBits;
        return segment < scalars.Length && Volatile.Read(ref scalars[segment]) is { } values
            ? Volatile.Read(ref values[index & SegmentMask])
            : 0;
    }

    private long[]? FastSegment(int index)
    {
        var scalars = _fastScalars;
        var segment = index >> SegmentBits;
        return (uint)segment < (uint)scalars.Length ? scalars[segment] : null;
    }

    private void AddSlowly(int index, long amount, bool isGauge)
    {
        using (_gate is null ? default : _gate.EnterScope())
        {
            ref var slot = ref GrowScalars(index)[index & SegmentMask];
            if (isGauge)
            {
                AddToGauge(ref slot, amount);
            }
            else
            {
                slot += amount;
            }
        }
    }

    private void RecordSlowly(int index, long value)
    {
        using (_gate is null ? default : _gate.EnterScope())
        {
            if (index >= _histograms.Length)
            {
                var grown = new LogLinearHistogram?[Math.Max(index + 1, _histograms.Length * 2)];
                _histograms.CopyTo(grown, 0);
                Volatile.Write(ref _histograms, grown);
                _fastHistograms = _gate is null ? grown : [];
            }

            var recorder = _histograms[index];
            if (recorder is null)
            {
                recorder = new LogLinearHistogram();
                Volatile.Write(ref _histograms[index], recorder);
            }

            recorder.Record(value);
        }
    }

    private long[] GrowScalars(int index)
    {
        var segment = index >> SegmentBits;
        if (segment >= _scalars.Length)
        {
            // Segments are shared by the old and the new directory, so a reader that still holds the old one misses nothing it had.
            var grown = new long[]?[Math.Max(segment + 1, _scalars.Length * 2)];
            _scalars.CopyTo(grown, 0);
            Volatile.Write(ref _scalars, grown);
            _fastScalars = _gate is null ? grown : [];
        }

        var values = _scalars[segment];
        if (values is null)
        {
            values = new long[SegmentSize];
            Volatile.Write(ref _scalars[segment], values);
        }

        return values;
    }
}

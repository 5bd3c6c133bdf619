namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// All statistics of a process by name. Names are Envoy's (<c>cluster.NAME.upstream_rq_total</c>); asking for a name that exists gives
/// the same handle, so a cluster that goes and returns goes on counting where it was. Registering takes a lock: do it when a snapshot
/// is built or on first use, and keep the handle.
/// </summary>
public sealed class StatRegistry
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _counters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _gauges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _histograms = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Func<long>> _observed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StatBlock> _blocks = new(StringComparer.Ordinal);
    private readonly HashSet<IObservedGauges> _groups = [];
    private readonly List<StatPage> _pages = [];

    // Place 0 of either kind is what default handles write to; it has no name.
    private int _nextScalar = 1;
    private int _nextHistogram = 1;

    /// <summary>Creates a registry with its shared page.</summary>
    public StatRegistry()
    {
        Shared = new StatPage(shared: true);
        _pages.Add(Shared);
    }

    /// <summary>The page for threads that own none; a write takes a lock.</summary>
    public StatPage Shared { get; }

    /// <summary>A new page for the calling thread, or for the thread that it is handed to before the first write.</summary>
    public StatPage CreatePage()
    {
        var page = new StatPage(shared: false);
        lock (_gate)
        {
            _pages.Add(page);
        }

        return page;
    }

    /// <summary>The counter of that name, registered on first call. Thread-safe.</summary>
    public Counter Counter(string name) => new(Place(_counters, name, StatKind.Counter, ref _nextScalar));

    /// <summary>The gauge of that name, registered on first call. Thread-safe.</summary>
    public Gauge Gauge(string name) => new(Place(_gauges, name, StatKind.Gauge, ref _nextScalar));

    /// <summary>The histogram of that name, registered on first call. Thread-safe.</summary>
    public Histogram Histogram(string name) => new(Place(_histograms, name, null, ref _nextHistogram));

    /// <summary>
    /// The statistics of a layout below a prefix, registered on first call: the same handles as by their full names, also where one of
    /// those was asked for before. Thread-safe.
    /// </summary>
    /// <param name="prefix">What the names begin with, dot included; it always comes with the same layout.</param>
    /// <param name="layout">The rest of the names.</param>
    internal StatBlock Block(string prefix, StatLayout layout)
    {
        lock (_gate)
        {
            if (!_blocks.TryGetValue(prefix, out var block))
            {
                block = new StatBlock(layout, _nextScalar, _nextHistogram, Absorb(prefix, layout));
                _nextScalar += layout.Scalars.Count;
                _nextHistogram += layout.Histograms.Count;
                _blocks.Add(prefix, block);
            }

            return block;
        }
    }

    /// <summary>
    /// A gauge that is read at scrape time on the scraping thread (<c>server.uptime</c>, memory). A second call replaces the first.
    /// </summary>
    public void Observe(string name, Func<long> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(read);
        lock (_gate)
        {
            _observed[name] = read;
        }
    }

    /// <summary>Gauges of one owner, read as those of <see cref="Observe(string, Func{long})"/>. Those of several owners that have the same name are merged.</summary>
    public void Observe(IObservedGauges gauges)
    {
        ArgumentNullException.ThrowIfNull(gauges);
        lock (_gate)
        {
            _groups.Add(gauges);
        }
    }

    /// <summary>Forgets the gauges of an owner; one that there is not is no error.</summary>
    public void StopObserving(IObservedGauges gauges)
    {
        lock (_gate)
        {
            _groups.Remove(gauges);
        }
    }

    /// <summary>Reads and merges all pages. Thread-safe; stops no writer, so values of one snapshot may be of slightly different moments.</summary>
    /// <param name="filter">What is read of them; null for all.</param>
    public StatSnapshot Collect(StatFilter? filter = null) => Read(filter ?? StatFilter.All, withScalars: true);

    /// <summary>As <see cref="Collect"/>, of histograms alone.</summary>
    public StatSnapshot CollectHistograms() => Read(StatFilter.All, withScalars: false);

    private StatSnapshot Read(StatFilter filter, bool withScalars)
    {
        StatPage[] pages;
        KeyValuePair<string, int>[] counters, gauges, histograms;
        KeyValuePair<string, StatBlock>[] blocks;
        KeyValuePair<string, Func<long>>[] observed;
        IObservedGauges[] groups;

        // At one moment: a new block takes names over that were registered by themselves.
        lock (_gate)
        {
            pages = [.. _pages];
            counters = [.. _counters];
            gauges = [.. _gauges];
            histograms = [.. _histograms];
            blocks = [.. _blocks];
            observed = [.. _observed];
            groups = [.. _groups];
        }

        var reader = new StatReader(pages, filter);
        ReadHistograms(reader, histograms, blocks);
        if (withScalars)
        {
            ReadScalars(reader, counters, gauges, blocks);
            foreach (var (name, read) in observed)
            {
                reader.AddObserved(name, read());
            }

            foreach (var (name, value) in ReadAll(groups))
            {
                reader.AddObserved(name, value);
            }
        }

        return reader.ToSnapshot();
    }

    private static void ReadScalars(StatReader reader, KeyValuePair<string, int>[] counters, KeyValuePair<string, int>[] gauges, KeyValuePair<string, StatBlock>[] blocks)
    {
        foreach (var (name, place) in counters)
        {
            reader.AddScalar(StatKind.Counter, "", name, place);
        }

        foreach (var (name, place) in gauges)
        {
            reader.AddScalar(StatKind.Gauge, "", name, place);
        }

        foreach (var (prefix, block) in blocks)
        {
            for (var offset = 0; offset < block.Layout.Scalars.Count; offset++)
            {
                var (name, kind) = block.Layout.Scalars[offset];
                reader.AddScalar(kind, prefix, name, block.PlaceOfScalar(offset));
            }
        }
    }

    private static void ReadHistograms(StatReader reader, KeyValuePair<string, int>[] histograms, KeyValuePair<string, StatBlock>[] blocks)
    {
        foreach (var (name, place) in histograms)
        {
            reader.AddHistogram("", name, place);
        }

        foreach (var (prefix, block) in blocks)
        {
            for (var offset = 0; offset < block.Layout.Histograms.Count; offset++)
            {
                reader.AddHistogram(prefix, block.Layout.Histograms[offset], block.PlaceOfHistogram(offset));
            }
        }
    }

    private static Dictionary<string, long> ReadAll(IObservedGauges[] groups)
    {
        var values = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var group in groups)
        {
            group.Read((name, value, merge) => values[name] = !values.TryGetValue(name, out var other) ? value
                : merge == GaugeMerge.Sum ? value + other : Math.Max(value, other));
        }

        return values;
    }

    private int Place(Dictionary<string, int> places, string name, StatKind? scalar, ref int next)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
        {
            if (!places.TryGetValue(name, out var place) && !TryFindInBlock(name, scalar, out place))
            {
                place = next++;
                places.Add(name, place);
            }

            return place;
        }
    }

    private bool TryFindInBlock(ReadOnlySpan<char> name, StatKind? scalar, out int place)
    {
        var blocks = _blocks.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var end = _blocks.Count == 0 ? -1 : name.LastIndexOf('.'); end >= 0; end = name[..end].LastIndexOf('.'))
        {
            if (blocks.TryGetValue(name[..(end + 1)], out var block) && block.Layout.TryFind(name[(end + 1)..], scalar, out var offset))
            {
                place = scalar is null ? block.PlaceOfHistogram(offset) : block.PlaceOfScalar(offset);
                return true;
            }
        }

        place = 0;
        return false;
    }

    /// <summary>Takes out the names of a new block that were registered by themselves, with their places by the rest of the name; null where there is none.</summary>
    private Dictionary<string, int>? Absorb(string prefix, StatLayout layout)
    {
        Dictionary<string, int>? found = null;
        foreach (var (name, kind) in layout.Scalars)
        {
            Absorb(kind == StatKind.Counter ? _counters : _gauges, prefix, name, ref found);
        }

        foreach (var name in layout.Histograms)
        {
            Absorb(_histograms, prefix, name, ref found);
        }

        return found;
    }

    private static void Absorb(Dictionary<string, int> places, string prefix, string name, ref Dictionary<string, int>? found)
    {
        Span<char> full = stackalloc char[Math.Min(prefix.Length + name.Length, 512)];
        var isThere = full.Length == prefix.Length + name.Length && full.TryWrite($"{prefix}{name}", out _)
            ? places.GetAlternateLookup<ReadOnlySpan<char>>().Remove(full, out _, out var place)
            : places.Remove(prefix + name, out place);
        if (isThere)
        {
            (found ??= new Dictionary<string, int>(StringComparer.Ordinal)).Add(name, place);
        }
    }
}

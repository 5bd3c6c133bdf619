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
    public Counter Counter(string name) => new(Place(_counters, name, ref _nextScalar));

    /// <summary>The gauge of that name, registered on first call. Thread-safe.</summary>
    public Gauge Gauge(string name) => new(Place(_gauges, name, ref _nextScalar));

    /// <summary>The histogram of that name, registered on first call. Thread-safe.</summary>
    public Histogram Histogram(string name) => new(Place(_histograms, name, ref _nextHistogram));

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
    public StatSnapshot Collect()
    {
        StatPage[] pages;
        KeyValuePair<string, int>[] counters, gauges, histograms;
        KeyValuePair<string, Func<long>>[] observed;
        IObservedGauges[] groups;
        lock (_gate)
        {
            pages = [.. _pages];
            counters = [.. _counters];
            gauges = [.. _gauges];
            histograms = [.. _histograms];
            observed = [.. _observed];
            groups = [.. _groups];
        }

        var scalars = new List<StatValue>(counters.Length + gauges.Length + observed.Length);
        foreach (var (name, index) in counters)
        {
            long value = 0;
            foreach (var page in pages)
            {
                value += page.ReadCounter(index);
            }

            scalars.Add(new StatValue(name, StatKind.Counter, value, value != 0));
        }

        foreach (var (name, index) in gauges)
        {
            long value = 0;
            var used = false;
            foreach (var page in pages)
            {
                var share = page.ReadGauge(index);
                value += share.Value;
                used |= share.Used;
            }

            scalars.Add(new StatValue(name, StatKind.Gauge, value, used));
        }

        foreach (var (name, read) in observed)
        {
            scalars.Add(new StatValue(name, StatKind.Gauge, read(), Used: true));
        }

        foreach (var (name, value) in ReadAll(groups))
        {
            scalars.Add(new StatValue(name, StatKind.Gauge, value, Used: true));
        }

        var merged = new List<HistogramStat>(histograms.Length);
        foreach (var (name, index) in histograms)
        {
            var parts = pages.Select(page => page.ReadHistogram(index)).OfType<LogLinearHistogram>().ToArray();
            merged.Add(new HistogramStat(name, parts.Length == 0 ? HistogramSnapshot.Empty : HistogramSnapshot.Merge(parts)));
        }

        scalars.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        merged.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new StatSnapshot(scalars, merged);
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

    private int Place(Dictionary<string, int> places, string name, ref int next)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
        {
            if (!places.TryGetValue(name, out var place))
            {
                place = next++;
                places.Add(name, place);
            }

            return place;
        }
    }
}

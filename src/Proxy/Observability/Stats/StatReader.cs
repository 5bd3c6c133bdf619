namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Reads what a filter shows, merged over all pages. Of what it does not show not even the name is made: a proxy of 10,000 clusters has most of a million.</summary>
internal sealed class StatReader(StatPage[] pages, StatFilter filter)
{
    private readonly List<StatValue> _values = [];
    private readonly List<HistogramStat> _histograms = [];
    private readonly List<LogLinearHistogram> _parts = [];
    private long[] _counts = [];

    /// <summary>A counter or gauge below a prefix, by its place.</summary>
    public void AddScalar(StatKind kind, string prefix, string name, int place)
    {
        long value = 0;
        var used = false;
        foreach (var page in pages)
        {
            if (kind == StatKind.Counter)
            {
                value += page.ReadCounter(place);
                used = value != 0;
            }
            else
            {
                var share = page.ReadGauge(place);
                value += share.Value;
                used |= share.Used;
            }
        }

        Add(kind, prefix, name, value, used);
    }

    /// <summary>A gauge that is not on the pages.</summary>
    public void AddObserved(string name, long value) => Add(StatKind.Gauge, "", name, value, used: true);

    /// <summary>A histogram below a prefix, by its place.</summary>
    public void AddHistogram(string prefix, string name, int place)
    {
        _parts.Clear();
        foreach (var page in pages)
        {
            if (page.ReadHistogram(place) is { } part)
            {
                _parts.Add(part);
            }
        }

        if (filter.Shows(prefix, name, isUsed: _parts.Count > 0))
        {
            var data = HistogramSnapshot.Merge(_parts, ref _counts);
            if (!filter.UsedOnly || data.Count > 0)
            {
                _histograms.Add(new HistogramStat(prefix + name, data));
            }
        }
    }

    /// <summary>What was read, sorted by name.</summary>
    public StatSnapshot ToSnapshot()
    {
        _values.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        _histograms.Sort(static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        return new StatSnapshot(_values, _histograms);
    }

    private void Add(StatKind kind, string prefix, string name, long value, bool used)
    {
        if (filter.Shows(prefix, name, used))
        {
            _values.Add(new StatValue(prefix + name, kind, value, used));
        }
    }
}

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>What a value does over time.</summary>
public enum StatKind
{
    /// <summary>Only grows.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,
}

/// <summary>A counter or gauge at one moment; <paramref name="Used"/> is false where nothing was ever written to it.</summary>
public readonly record struct StatValue(string Name, StatKind Kind, long Value, bool Used);

/// <summary>A histogram at one moment.</summary>
public readonly record struct HistogramStat(string Name, HistogramSnapshot Data);

/// <summary>All statistics at one moment, sorted by name (ordinal).</summary>
public sealed class StatSnapshot
{
    private Dictionary<string, long>? _values;
    private Dictionary<string, HistogramSnapshot>? _histograms;

    internal StatSnapshot(IReadOnlyList<StatValue> values, IReadOnlyList<HistogramStat> histograms)
    {
        Values = values;
        Histograms = histograms;
    }

    /// <summary>Counters and gauges.</summary>
    public IReadOnlyList<StatValue> Values { get; }

    /// <summary>Histograms.</summary>
    public IReadOnlyList<HistogramStat> Histograms { get; }

    /// <summary>The counter or gauge of that name; 0 where there is none.</summary>
    public long Value(string name) => (_values ??= ByName()).GetValueOrDefault(name);

    /// <summary>The histogram of that name; empty where there is none.</summary>
    public HistogramSnapshot Histogram(string name) =>
        (_histograms ??= Histograms.ToDictionary(static histogram => histogram.Name, static histogram => histogram.Data, StringComparer.Ordinal)).GetValueOrDefault(name, HistogramSnapshot.Empty);

    private Dictionary<string, long> ByName()
    {
        var values = new Dictionary<string, long>(Values.Count, StringComparer.Ordinal);
        foreach (var value in Values)
        {
            values[value.Name] = value.Value;
        }

        return values;
    }
}

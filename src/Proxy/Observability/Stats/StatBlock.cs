namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>The statistics of one owner of a <see cref="StatLayout"/>, asked for by their names without the prefix. Immutable.</summary>
internal sealed class StatBlock
{
    private readonly int _firstScalar;
    private readonly int _firstHistogram;
    private readonly Dictionary<string, int>? _elsewhere;
    private readonly bool _isRecording;

    /// <summary>Creates a block.</summary>
    /// <param name="layout">Its names.</param>
    /// <param name="firstScalar">Where its counters and gauges begin, one behind the other.</param>
    /// <param name="firstHistogram">Where its histograms begin.</param>
    /// <param name="elsewhere">The places of names that were registered before, each by itself; null where there was none.</param>
    public StatBlock(StatLayout layout, int firstScalar, int firstHistogram, Dictionary<string, int>? elsewhere)
    {
        Layout = layout;
        _firstScalar = firstScalar;
        _firstHistogram = firstHistogram;
        _elsewhere = elsewhere;
    }

    private StatBlock(StatLayout layout)
    {
        Layout = layout;
        _isRecording = true;
    }

    public StatLayout Layout { get; }

    /// <summary>A block that adds each name that it is asked for to the layout.</summary>
    public static StatBlock Recording(StatLayout layout) => new(layout);

    /// <summary>The counter of that name; it is one of the layout's.</summary>
    public Counter Counter(string name) => new(Place(name, StatKind.Counter));

    /// <summary>The gauge of that name; it is one of the layout's.</summary>
    public Gauge Gauge(string name) => new(Place(name, StatKind.Gauge));

    /// <summary>The histogram of that name; it is one of the layout's.</summary>
    public Histogram Histogram(string name) => new(Place(name, null));

    /// <summary>The place of a counter or gauge by its offset in the layout.</summary>
    public int PlaceOfScalar(int offset) => _elsewhere?.TryGetValue(Layout.Scalars[offset].Name, out var place) == true ? place : _firstScalar + offset;

    /// <summary>The place of a histogram by its offset in the layout.</summary>
    public int PlaceOfHistogram(int offset) => _elsewhere?.TryGetValue(Layout.Histograms[offset], out var place) == true ? place : _firstHistogram + offset;

    private int Place(string name, StatKind? scalar)
    {
        if (_isRecording)
        {
            Layout.Add(name, scalar);
            return 0;
        }

        var offset = Layout.OffsetOf(name, scalar);
        return scalar is null ? PlaceOfHistogram(offset) : PlaceOfScalar(offset);
    }
}

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// The names that many owners have below prefixes of their own: every cluster has the same ones. They are kept once for all owners, and full names are
/// made when they are read: ten thousand clusters would otherwise hold half a million of them. Immutable once made.
/// </summary>
internal sealed class StatLayout
{
    private readonly List<(string Name, StatKind Kind)> _scalars = [];
    private readonly List<string> _histograms = [];
    private readonly Dictionary<string, (StatKind? Scalar, int Offset)> _places = new(StringComparer.Ordinal);

    private StatLayout()
    {
    }

    /// <summary>The layout of all that a registration asks for.</summary>
    /// <param name="register">Run once, with handles that are good for nothing.</param>
    public static StatLayout Of(Action<StatBlock> register)
    {
        var layout = new StatLayout();
        register(StatBlock.Recording(layout));
        return layout;
    }

    /// <summary>Counters and gauges without their prefix, by offset.</summary>
    public IReadOnlyList<(string Name, StatKind Kind)> Scalars => _scalars;

    /// <summary>Histograms without their prefix, by offset.</summary>
    public IReadOnlyList<string> Histograms => _histograms;

    /// <summary>The offset of a name among those of its kind: a histogram's where <paramref name="scalar"/> is null. False where there is none.</summary>
    public bool TryFind(ReadOnlySpan<char> name, StatKind? scalar, out int offset)
    {
        var isThere = _places.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var place) && place.Scalar == scalar;
        offset = isThere ? place.Offset : 0;
        return isThere;
    }

    /// <summary>The same, of a name that is there.</summary>
    public int OffsetOf(string name, StatKind? scalar) => _places[name] is var place && place.Scalar == scalar
        ? place.Offset
        : throw new InvalidOperationException($"{name} is of another kind");

    /// <summary>Adds a name behind those of its kind.</summary>
    public void Add(string name, StatKind? scalar)
    {
        _places.Add(name, (scalar, scalar is null ? _histograms.Count : _scalars.Count));
        if (scalar is { } kind)
        {
            _scalars.Add((name, kind));
        }
        else
        {
            _histograms.Add(name);
        }
    }
}

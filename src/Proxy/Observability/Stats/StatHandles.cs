namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// A number that only grows, by its place in every <see cref="StatPage"/>. The default value is a sink: counting on it is
/// allowed and shows up nowhere.
/// </summary>
public readonly record struct Counter
{
    internal Counter(int index) => Index = index;

    internal int Index { get; }
}

/// <summary>A number that goes up and down; its value is the sum of the deltas of all pages. The default value is a sink.</summary>
public readonly record struct Gauge
{
    internal Gauge(int index) => Index = index;

    internal int Index { get; }
}

/// <summary>A distribution of whole numbers (milliseconds or bytes, as Envoy). The default value is a sink.</summary>
public readonly record struct Histogram
{
    internal Histogram(int index) => Index = index;

    internal int Index { get; }
}

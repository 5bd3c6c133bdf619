using System.Buffers;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Envoy's plain form of <c>/stats</c>: <c>name: value</c> a line, histograms as pairs of (interval, cumulative) quantiles.</summary>
public static class StatText
{
    /// <summary>Writes what <paramref name="filter"/> shows: counters and gauges first, then histograms, each sorted by name.</summary>
    /// <param name="snapshot">The statistics.</param>
    /// <param name="filter">Which of them.</param>
    /// <param name="intervalStart">An earlier snapshot that the interval quantiles count from; null shows them as <c>nan</c>.</param>
    /// <param name="target">Where to.</param>
    public static void Write(StatSnapshot snapshot, StatFilter filter, StatSnapshot? intervalStart, IBufferWriter<byte> target)
    {
        var output = new Utf8Output(target);
        foreach (var value in snapshot.Values)
        {
            if (filter.Shows(value))
            {
                output.Text(value.Name).Ascii(": "u8).Number(value.Value).Line();
            }
        }

        foreach (var histogram in snapshot.Histograms)
        {
            if (filter.Shows(histogram))
            {
                output.Text(histogram.Name).Ascii(": "u8);
                WriteQuantiles(output, histogram.Data, HistogramQuantiles.Interval(histogram, intervalStart));
                output.Line();
            }
        }
    }

    private static void WriteQuantiles(Utf8Output output, HistogramSnapshot cumulative, HistogramSnapshot interval)
    {
        if (cumulative.Count == 0)
        {
            output.Ascii("No recorded values"u8);
            return;
        }

        var separator = "P";
        foreach (var percent in HistogramQuantiles.Percent)
        {
            output.Text(separator)
                .Text(HistogramQuantiles.Format(percent))
                .Ascii("("u8)
                .Text(HistogramQuantiles.Format(interval.Quantile(percent / 100)))
                .Ascii(","u8)
                .Text(HistogramQuantiles.Format(cumulative.Quantile(percent / 100)))
                .Ascii(")"u8);
            separator = " P";
        }
    }
}

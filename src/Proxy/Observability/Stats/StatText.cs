using System.Buffers;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Envoy's plain form of <c>/stats</c>: <c>name: value</c> a line, histograms as pairs of (interval, cumulative) quantiles.</summary>
public static class StatText
{
    private const int LinesOfPiece = 512;

    /// <summary>Writes a snapshot: counters and gauges first, then histograms, each sorted by name. A piece is written with each step of the result.</summary>
    /// <param name="snapshot">The statistics.</param>
    /// <param name="intervalStart">An earlier snapshot that the interval quantiles count from; null shows them as <c>nan</c>.</param>
    /// <param name="target">Where to.</param>
    /// <returns>The lines that were written before each step.</returns>
    public static IEnumerable<int> Write(StatSnapshot snapshot, StatSnapshot? intervalStart, IBufferWriter<byte> target)
    {
        var output = new Utf8Output(target);
        var lines = 0;
        foreach (var value in snapshot.Values)
        {
            output.Text(value.Name).Ascii(": "u8).Number(value.Value).Line();
            if (++lines % LinesOfPiece == 0)
            {
                yield return lines;
            }
        }

        foreach (var histogram in snapshot.Histograms)
        {
            output.Text(histogram.Name).Ascii(": "u8);
            WriteQuantiles(output, histogram.Data, HistogramQuantiles.Interval(histogram, intervalStart));
            output.Line();
            if (++lines % LinesOfPiece == 0)
            {
                yield return lines;
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

using System.Globalization;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>The quantiles that Envoy shows for every histogram, and the start of the interval that they are shown for.</summary>
public static class HistogramQuantiles
{
    /// <summary>Percentages, in order of output.</summary>
    internal static readonly double[] Percent = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];

    /// <summary>A value with at most two decimals, <c>nan</c> where there is none.</summary>
    internal static string Format(double value) =>
        double.IsNaN(value) ? "nan" : value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>The data since <paramref name="start"/>, which may be null or lack the histogram: then nothing is known of the interval.</summary>
    internal static HistogramSnapshot Interval(HistogramStat histogram, StatSnapshot? start)
    {
        if (start is null)
        {
            return HistogramSnapshot.Empty;
        }

        return histogram.Data.Since(start.Histogram(histogram.Name));
    }
}

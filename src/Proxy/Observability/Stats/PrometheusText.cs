using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>
/// The Prometheus text exposition format, version 0.0.4, with the metric and label names that Envoy gives
/// (<c>envoy_cluster_upstream_rq_total{envoy_cluster_name="x"} 1</c>).
/// </summary>
public static class PrometheusText
{
    /// <summary>The media type to answer with.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Upper bounds of the buckets, in the histogram's own unit: Envoy's defaults.</summary>
    private static readonly double[] Bounds =
    [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
    ];

    private static readonly string[] BoundTexts = [.. Bounds.Select(static bound => bound.ToString(CultureInfo.InvariantCulture))];

    private const int SamplesOfPiece = 64;

    /// <summary>
    /// Writes a snapshot, all samples of a metric together under one TYPE line, metrics sorted by name. Where
    /// two statistics of different kinds would share a metric's name, the kind that comes first is shown, since a page with both is invalid.
    /// A piece is written with each step of the result.
    /// </summary>
    /// <returns>The samples that were written before each step.</returns>
    public static IEnumerable<int> Write(StatSnapshot snapshot, IBufferWriter<byte> target)
    {
        var families = new Families();
        foreach (var value in snapshot.Values)
        {
            families.Add(value.Name, value.Kind == StatKind.Counter ? "counter" : "gauge", value.Value, histogram: null);
        }

        foreach (var histogram in snapshot.Histograms)
        {
            families.Add(histogram.Name, "histogram", 0, histogram.Data);
        }

        return Write(families, target);
    }

    private static IEnumerable<int> Write(Families families, IBufferWriter<byte> target)
    {
        var output = new Utf8Output(target);
        var written = 0;
        foreach (var (name, family) in families.Sorted)
        {
            output.Ascii("# TYPE "u8).Text(name).Ascii(" "u8).Text(family.Type).Line();
            foreach (var sample in family.Samples)
            {
                if (sample.Histogram is null)
                {
                    output.Text(name);
                    WriteLabels(output, sample.Labels);
                    output.Ascii(" "u8).Number(sample.Value).Line();
                }
                else
                {
                    WriteHistogram(output, name, sample.Labels, sample.Histogram);
                }

                if (++written % SamplesOfPiece == 0)
                {
                    yield return written;
                }
            }

            output.Line();
        }
    }

    private static void WriteHistogram(Utf8Output output, string name, string labels, HistogramSnapshot histogram)
    {
        var prefix = labels.Length == 0 ? "" : labels + ",";
        for (var i = 0; i < Bounds.Length; i++)
        {
            WriteBucket(output, name, prefix, BoundTexts[i], histogram.CountAtMost(Bounds[i]));
        }

        WriteBucket(output, name, prefix, "+Inf", histogram.Count);
        output.Text(name).Ascii("_sum"u8);
        WriteLabels(output, labels);
        output.Ascii(" "u8).Number(histogram.Sum).Line();
        output.Text(name).Ascii("_count"u8);
        WriteLabels(output, labels);
        output.Ascii(" "u8).Number(histogram.Count).Line();
    }

    private static void WriteBucket(Utf8Output output, string name, string labelPrefix, string bound, long count) =>
        output.Text(name).Ascii("_bucket{"u8).Text(labelPrefix).Ascii("le=\""u8).Text(bound).Ascii("\"} "u8).Number(count).Line();

    private static void WriteLabels(Utf8Output output, string labels)
    {
        if (labels.Length > 0)
        {
            output.Ascii("{"u8).Text(labels).Ascii("}"u8);
        }
    }

    private static string Sanitize(string metric) => string.Create(metric.Length + 6, metric, static (span, source) =>
    {
        "envoy_".CopyTo(span);
        for (var i = 0; i < source.Length; i++)
        {
            span[i + 6] = char.IsAsciiLetterOrDigit(source[i]) ? source[i] : '_';
        }
    });

    /// <summary>What the samples of a page belong to. A page of 10,000 clusters has a million lines, so that no text is made twice that the sample before had as well.</summary>
    private sealed class Families
    {
        private readonly Dictionary<string, Family> _byMetric = new(StringComparer.Ordinal);
        private readonly StringBuilder _labels = new();
        private string _lastLabels = "";

        public SortedDictionary<string, Family> Sorted { get; } = new(StringComparer.Ordinal);

        public void Add(string name, string type, long value, HistogramSnapshot? histogram)
        {
            var metric = TagExtraction.Extract(name, _labels);
            if (!_byMetric.TryGetValue(metric, out var family))
            {
                family = Named(Sanitize(metric), type);
                _byMetric.Add(metric, family);
            }

            if (family.Type == type)
            {
                // Names are sorted, so that the statistics of a cluster follow each other.
                _lastLabels = _labels.Equals(_lastLabels) ? _lastLabels : _labels.ToString();
                family.Samples.Add(new Sample(_lastLabels, value, histogram));
            }
        }

        /// <summary>The family of that name; two metrics may have the same.</summary>
        private Family Named(string name, string type)
        {
            if (!Sorted.TryGetValue(name, out var family))
            {
                family = new Family(type, []);
                Sorted.Add(name, family);
            }

            return family;
        }
    }

    private sealed record Family(string Type, List<Sample> Samples);

    private readonly record struct Sample(string Labels, long Value, HistogramSnapshot? Histogram);
}

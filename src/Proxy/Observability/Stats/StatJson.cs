using System.Buffers;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Envoy's JSON form of <c>/stats?format=json</c>.</summary>
public static class StatJson
{
    /// <summary>Writes what <paramref name="filter"/> shows; the parameters are those of <see cref="StatText.Write"/>.</summary>
    public static void Write(StatSnapshot snapshot, StatFilter filter, StatSnapshot? intervalStart, IBufferWriter<byte> target)
    {
        using var json = new Utf8JsonWriter(target);
        json.WriteStartObject();
        json.WriteStartArray("stats"u8);
        foreach (var value in snapshot.Values)
        {
            if (filter.Shows(value))
            {
                json.WriteStartObject();
                json.WriteString("name"u8, value.Name);
                json.WriteNumber("value"u8, value.Value);
                json.WriteEndObject();
            }
        }

        WriteHistograms(json, snapshot.Histograms.Where(histogram => filter.Shows(histogram)), intervalStart);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteHistograms(Utf8JsonWriter json, IEnumerable<HistogramStat> histograms, StatSnapshot? intervalStart)
    {
        json.WriteStartObject();
        json.WriteStartObject("histograms"u8);
        json.WriteStartArray("supported_quantiles"u8);
        foreach (var percent in HistogramQuantiles.Percent)
        {
            json.WriteNumberValue(percent);
        }

        json.WriteEndArray();
        json.WriteStartArray("computed_quantiles"u8);
        foreach (var histogram in histograms)
        {
            var interval = HistogramQuantiles.Interval(histogram, intervalStart);
            json.WriteStartObject();
            json.WriteString("name"u8, histogram.Name);
            json.WriteStartArray("values"u8);
            foreach (var percent in HistogramQuantiles.Percent)
            {
                json.WriteStartObject();
                WriteQuantile(json, "interval"u8, interval.Quantile(percent / 100));
                WriteQuantile(json, "cumulative"u8, histogram.Data.Quantile(percent / 100));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteQuantile(Utf8JsonWriter json, ReadOnlySpan<byte> name, double value)
    {
        if (double.IsNaN(value))
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteNumber(name, Math.Round(value, 2));
        }
    }
}

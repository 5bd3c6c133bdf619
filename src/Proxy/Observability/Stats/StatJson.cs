using System.Buffers;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Observability.Stats;

/// <summary>Envoy's JSON form of <c>/stats?format=json</c>.</summary>
public static class StatJson
{
    private const int StatsOfPiece = 128;

    /// <summary>Writes a snapshot; the parameters are those of <see cref="StatText.Write"/>. A piece is written with each step of the result.</summary>
    /// <returns>The statistics that were written before each step.</returns>
    public static IEnumerable<int> Write(StatSnapshot snapshot, StatSnapshot? intervalStart, IBufferWriter<byte> target)
    {
        using var json = new Utf8JsonWriter(target);
        var written = 0;
        json.WriteStartObject();
        json.WriteStartArray("stats"u8);
        foreach (var value in snapshot.Values)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, value.Name);
            json.WriteNumber("value"u8, value.Value);
            json.WriteEndObject();
            if (++written % StatsOfPiece == 0)
            {
                json.Flush();
                yield return written;
            }
        }

        BeginHistograms(json);
        foreach (var histogram in snapshot.Histograms)
        {
            Write(json, histogram, HistogramQuantiles.Interval(histogram, intervalStart));
            if (++written % StatsOfPiece == 0)
            {
                json.Flush();
                yield return written;
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void BeginHistograms(Utf8JsonWriter json)
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
    }

    private static void Write(Utf8JsonWriter json, in HistogramStat histogram, HistogramSnapshot interval)
    {
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

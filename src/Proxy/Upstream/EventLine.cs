using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>A line of an event log: one object in JSON, as Envoy's messages are written, with fields that have their default. One at a time.</summary>
internal sealed class EventLine
{
    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    /// <summary>Begins a line; what is written with is to be disposed of after <see cref="End"/>.</summary>
    public Utf8JsonWriter Begin()
    {
        _bytes.ResetWrittenCount();
        var json = new Utf8JsonWriter(_bytes);
        json.WriteStartObject();
        return json;
    }

    /// <summary>Writes when it happened.</summary>
    public static void WriteTime(Utf8JsonWriter json, DateTime utc) =>
        json.WriteString("timestamp", utc.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));

    /// <summary>Ends the line, which is valid until the next one begins.</summary>
    public ReadOnlySpan<byte> End(Utf8JsonWriter json)
    {
        json.WriteEndObject();
        json.Flush();
        _bytes.Write("\n"u8);
        return _bytes.WrittenSpan;
    }
}

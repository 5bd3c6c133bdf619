using System.Text;
using System.Text.Json;

namespace KubeProxyNet.Testing.Http;

/// <summary>The request that <see cref="BackendScripts.Echo"/> saw, read back from its answer.</summary>
/// <param name="Backend">The name of the backend that answered.</param>
public sealed record EchoedRequest(
    string Backend, int Connection, int Ordinal, string Method, string Target, string Version, RawHeaders Headers, string Body)
{
    public static EchoedRequest From(RawResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return FromJson(response.BodyText);
    }

    public static EchoedRequest FromJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        string Text(string name) => root.GetProperty(name).GetString()!;
        return new EchoedRequest(
            Text("backend"),
            root.GetProperty("connection").GetInt32(),
            root.GetProperty("ordinal").GetInt32(),
            Text("method"),
            Text("target"),
            Text("version"),
            new RawHeaders([.. root.GetProperty("headers").EnumerateArray().Select(h => new RawHeader(h[0].GetString()!, h[1].GetString()!))]),
            Text("body"));
    }

    /// <summary>ASCII only: everything else is escaped, so that the text's length is its length in bytes.</summary>
    internal static string ToJson(string backend, RawRequest request)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("backend", backend);
            json.WriteNumber("connection", request.Connection);
            json.WriteNumber("ordinal", request.Ordinal);
            json.WriteString("method", request.Method);
            json.WriteString("target", request.Target);
            json.WriteString("version", request.Version);
            json.WriteStartArray("headers");
            foreach (var header in request.Headers)
            {
                json.WriteStartArray();
                json.WriteStringValue(header.Name);
                json.WriteStringValue(header.Value);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteString("body", request.BodyText);
            json.WriteEndObject();
        }

        return Encoding.ASCII.GetString(bytes.ToArray());
    }
}

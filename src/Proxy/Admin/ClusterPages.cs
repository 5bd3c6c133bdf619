using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/clusters</c> and <c>/listeners</c>, in Envoy's text form and as JSON of <c>admin.v3.Clusters</c> and <c>admin.v3.Listeners</c>.</summary>
internal sealed class ClusterPages(IAdminSource source)
{
    internal IEnumerable<AdminEndpoint> Endpoints =>
    [
        new("/clusters", "clusters and their endpoints; ?format=json", Changes: false, query => Answer(
            query, output => ClusterText.Write(source.GetClusters(), output), json => ClusterJson.Write(source.GetClusters(), json))),
        new("/listeners", "listeners and their addresses; ?format=json", Changes: false, query => Answer(query, WriteListenerText, WriteListenerJson)),
    ];

    private static AdminReply Answer(IQueryCollection query, Action<IBufferWriter<byte>> text, Action<Utf8JsonWriter> json) =>
        query["format"].ToString() switch
        {
            "json" => AdminReply.Json(json),
            "" or "text" => AdminReply.Text(text),
            var other => AdminReply.Text($"format={other} is not known; use text or json\n", 400),
        };

    private void WriteListenerText(IBufferWriter<byte> output)
    {
        foreach (var listener in source.GetListeners())
        {
            Encoding.UTF8.GetBytes($"{listener.Name}::{listener.LocalAddress}\n", output);
        }
    }

    private void WriteListenerJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("listener_statuses");
        foreach (var listener in source.GetListeners())
        {
            json.WriteStartObject();
            json.WriteString("name", listener.Name);
            EndpointFacts.WriteAddress(json, "local_address", listener.LocalAddress);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

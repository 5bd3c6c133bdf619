using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/runtime</c> and <c>/runtime_modify</c>: what the runtime says, and its admin layer. Source: Envoy documentation, "Administration interface".</summary>
internal sealed class RuntimePages(IAdminSource source, IAdminActions actions)
{
    internal IEnumerable<AdminEndpoint> Endpoints =>
    [
        new("/runtime", "values of the runtime, by layer and in force", Changes: false, _ => AdminReply.Json(Write)),
        new("/runtime_modify", "set values of the runtime's admin layer: ?KEY=VALUE&KEY2=VALUE2; an empty value takes one back", Changes: true, Modify),
    ];

    private AdminReply Modify(IQueryCollection query)
    {
        if (query.Count == 0)
        {
            return AdminReply.Text("name values to set: /runtime_modify?KEY=VALUE\n", 400);
        }

        var error = actions.ModifyRuntime([.. query.Select(static pair => new KeyValuePair<string, string>(pair.Key, pair.Value.ToString()))]);
        return error is null ? AdminReply.Text("OK\n") : AdminReply.Text(error + "\n", 503);
    }

    private void Write(Utf8JsonWriter json)
    {
        var values = source.RuntimeValues;
        json.WriteStartObject();
        json.WriteStartArray("layers");
        foreach (var layer in values.Layers)
        {
            json.WriteStringValue(layer.Name);
        }

        json.WriteEndArray();
        json.WriteStartObject("entries");
        foreach (var (key, value) in values.Final.OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            json.WriteStartObject(key);
            json.WriteStartArray("layer_values");
            foreach (var layer in values.Layers)
            {
                json.WriteStringValue(layer.Values.TryGetValue(key, out var own) ? own.Text : "");
            }

            json.WriteEndArray();
            json.WriteString("final_value", value.Text);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}

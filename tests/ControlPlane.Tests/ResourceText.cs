using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>Writes resources as indented JSON, with the field names of the .proto files.</summary>
internal static class ResourceText
{
    private static readonly JsonFormatter Formatter =
        new(new JsonFormatter.Settings(formatDefaultValues: false, XdsTypes.Registry).WithPreserveProtoFieldNames(true));

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(Snapshot snapshot)
    {
        var array = new JsonArray(
        [
            .. from typeUrl in XdsTypeUrls.InServingOrder
               from resource in snapshot[typeUrl].ByName.Values.OrderBy(resource => resource.Name, StringComparer.Ordinal)
               select JsonNode.Parse(Formatter.Format(resource.Body)),
        ]);
        return array.ToJsonString(Indented) + "\n";
    }
}

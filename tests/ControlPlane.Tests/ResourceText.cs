using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Tests;

/// <summary>Writes resources as indented JSON, with the field names of the .proto files.</summary>
internal static class ResourceText
{
    private static readonly JsonFormatter Formatter =
        new(new JsonFormatter.Settings(formatDefaultValues: false, XdsTypes.Registry).WithPreserveProtoFieldNames(true));

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(ResourceSet resources)
    {
        var array = new JsonArray([.. resources.All.Select(resource => JsonNode.Parse(Formatter.Format(resource.Message)))]);
        return array.ToJsonString(Indented) + "\n";
    }
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads metadata for load balancing, which stands under <c>envoy.lb</c>.</summary>
internal static class MetadataTranslator
{
    private const string Balancing = "envoy.lb";

    /// <summary>An endpoint's metadata; null for none.</summary>
    public static EndpointMetadata? OfEndpoint(Metadata? message) => Values(message) is not { Count: > 0 } values
        ? null
        : new EndpointMetadata(values.ToDictionary(
            static value => value.Key,
            static value => value.Value.KindCase == Value.KindOneofCase.ListValue ? [.. value.Value.ListValue.Values.Select(TextOf)] : new[] { TextOf(value.Value) },
            StringComparer.Ordinal));

    /// <summary>The values that metadata is matched with; empty for none.</summary>
    public static ImmutableArray<MetadataLabel> Labels(Metadata? message) =>
        [.. (Values(message) ?? new()).Select(static value => new MetadataLabel(value.Key, TextOf(value.Value)))];

    private static Google.Protobuf.Collections.MapField<string, Value>? Values(Metadata? message) =>
        message?.FilterMetadata.TryGetValue(Balancing, out var balancing) == true ? balancing.Fields : null;

    /// <summary>Canonical JSON: equal where the values are, whatever the order of fields.</summary>
    private static string TextOf(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        Value.KindOneofCase.NumberValue => value.NumberValue.ToString("R", CultureInfo.InvariantCulture),
        Value.KindOneofCase.StringValue => $"\"{JsonEncodedText.Encode(value.StringValue)}\"",
        Value.KindOneofCase.ListValue => $"[{string.Join(',', value.ListValue.Values.Select(TextOf))}]",
        Value.KindOneofCase.StructValue => $"{{{string.Join(',', value.StructValue.Fields.OrderBy(static field => field.Key, StringComparer.Ordinal).Select(static field => $"\"{JsonEncodedText.Encode(field.Key)}\":{TextOf(field.Value)}"))}}}",
        _ => "null",
    };
}

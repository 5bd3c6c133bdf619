using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Upstream;
using MetadataMessage = Envoy.Config.Core.V3.Metadata;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads metadata for load balancing, which stands under <c>envoy.lb</c>, and for the choice of transport sockets.</summary>
internal static class MetadataTranslator
{
    private const string Balancing = "envoy.lb";
    private const string TransportSocketMatch = "envoy.transport_socket_match";
    private const string FallbackList = "fallback_list";

    /// <summary>An endpoint's metadata for load balancing; null for none.</summary>
    public static EndpointMetadata? OfEndpoint(MetadataMessage? message) => Of(message, Balancing);

    /// <summary>Metadata that say how an endpoint is spoken to; null for none.</summary>
    public static EndpointMetadata? OfTransportSocket(MetadataMessage? message) => Of(message, TransportSocketMatch);

    /// <summary>What stands for such metadata of all endpoints; null where nothing does. A struct without fields fits only what demands nothing.</summary>
    public static EndpointMetadata? OfCriteria(Struct? message) => message is null ? null
        : Of(new MetadataMessage { FilterMetadata = { [TransportSocketMatch] = message } }, TransportSocketMatch) ?? new EndpointMetadata(new Dictionary<string, string[]>(StringComparer.Ordinal));

    private static EndpointMetadata? Of(MetadataMessage? message, string key) => Values(message, key) is not { Count: > 0 } values
        ? null
        : new EndpointMetadata(values.ToDictionary(
            static value => value.Key,
            static value => value.Value.KindCase == Value.KindOneofCase.ListValue ? [.. value.Value.ListValue.Values.Select(TextOf)] : new[] { TextOf(value.Value) },
            StringComparer.Ordinal),
            values.Where(static value => value.Value.KindCase == Value.KindOneofCase.ListValue).Select(static value => value.Key));

    /// <summary>The values that metadata is matched with; empty for none.</summary>
    public static ImmutableArray<MetadataLabel> Labels(MetadataMessage? message) =>
        [.. (Values(message) ?? new()).Select(static value => new MetadataLabel(value.Key, TextOf(value.Value)))];

    /// <summary>What a route asks of metadata, with what one of its weighted clusters asks over it; null for nothing.</summary>
    public static MetadataMatch? Match(MetadataMessage? route, MetadataMessage? cluster = null)
    {
        var fields = Merge(Values(route) ?? new(), Values(cluster) ?? new());
        if (fields.Count == 0)
        {
            return null;
        }

        if (!fields.TryGetValue(FallbackList, out var list))
        {
            return Match(fields);
        }

        var rest = fields.Where(static field => field.Key != FallbackList);
        var overrides = list.ListValue?.Values.Select(static value => value.StructValue?.Fields ?? new()) ?? [];
        return new MetadataMatch(LabelsOf(fields)) { Fallbacks = overrides.Any() ? [.. overrides.Select(over => Match(Merge(rest, over)))] : [Match(rest)] };
    }

    /// <summary>The match of all values of a struct.</summary>
    public static MetadataMatch Match(IEnumerable<KeyValuePair<string, Value>> fields) => new(LabelsOf(fields));

    private static IEnumerable<MetadataLabel> LabelsOf(IEnumerable<KeyValuePair<string, Value>> fields) => fields.Select(static field => new MetadataLabel(field.Key, TextOf(field.Value)));

    private static Dictionary<string, Value> Merge(IEnumerable<KeyValuePair<string, Value>> values, IEnumerable<KeyValuePair<string, Value>> over)
    {
        var merged = values.ToDictionary(StringComparer.Ordinal);
        foreach (var (key, value) in over)
        {
            merged[key] = value;
        }

        return merged;
    }

    private static Google.Protobuf.Collections.MapField<string, Value>? Values(MetadataMessage? message, string key = Balancing) =>
        message?.FilterMetadata.TryGetValue(key, out var balancing) == true ? balancing.Fields : null;

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

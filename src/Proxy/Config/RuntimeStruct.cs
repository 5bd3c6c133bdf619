using System.Collections.Frozen;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Reads the values of a runtime layer from a struct: nested keys are joined by dots, a struct with a numerator or a denominator is a share of requests.
/// Source: Envoy documentation, "Runtime", "Protobuf and JSON representation".
/// </summary>
internal static class RuntimeStruct
{
    /// <summary>The layer of a struct.</summary>
    public static RuntimeLayer ToLayer(string name, Struct message)
    {
        var values = new Dictionary<string, RuntimeValue>(StringComparer.Ordinal);
        AddFields(values, "", message);
        return new RuntimeLayer(name, values.ToFrozenDictionary(StringComparer.Ordinal));
    }

    /// <summary>The value at a key, or the values below it.</summary>
    public static void Add(Dictionary<string, RuntimeValue> values, string key, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.StructValue when ShareOf(value.StructValue) is { } share:
                values[key] = new RuntimeValue { Text = string.Create(CultureInfo.InvariantCulture, $"{share.Numerator}/{share.Denominator}"), Share = share };
                break;
            case Value.KindOneofCase.StructValue:
                AddFields(values, key + ".", value.StructValue);
                break;
            case Value.KindOneofCase.NumberValue:
                values[key] = new RuntimeValue { Text = value.NumberValue.ToString(CultureInfo.InvariantCulture), Number = value.NumberValue };
                break;
            case Value.KindOneofCase.BoolValue:
                values[key] = new RuntimeValue { Text = value.BoolValue ? "true" : "false" };
                break;
            case Value.KindOneofCase.StringValue:
                values[key] = RuntimeValue.OfText(value.StringValue);
                break;
        }
    }

    private static void AddFields(Dictionary<string, RuntimeValue> values, string prefix, Struct message)
    {
        foreach (var (key, value) in message.Fields)
        {
            Add(values, prefix + key, value);
        }
    }

    private static RuntimeShare? ShareOf(Struct message)
    {
        var numerator = message.Fields.GetValueOrDefault("numerator");
        var denominator = message.Fields.GetValueOrDefault("denominator");
        if (numerator is null && denominator is null)
        {
            return null;
        }

        return new RuntimeShare((uint)Math.Clamp(numerator?.NumberValue ?? 0, 0, uint.MaxValue), denominator?.StringValue switch
        {
            "TEN_THOUSAND" => 10_000,
            "MILLION" => 1_000_000,
            _ => 100,
        });
    }
}

using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Turns nodes into the free-form messages <c>Struct</c>, <c>ListValue</c> and <c>Value</c>, where every well-formed node is right.</summary>
internal static class StructReader
{
    public static Struct ToStruct(ConfigMapping mapping)
    {
        var result = new Struct();
        foreach (var member in mapping.Members)
        {
            result.Fields[member.Key] = ToValue(member.Value);
        }

        return result;
    }

    public static ListValue ToList(ConfigSequence sequence)
    {
        var result = new ListValue();
        result.Values.AddRange(sequence.Items.Select(ToValue));
        return result;
    }

    public static Value ToValue(ConfigNode node)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                return Value.ForStruct(ToStruct(mapping));
            case ConfigSequence sequence:
                return new Value { ListValue = ToList(sequence) };
            case ConfigScalar { IsNull: true }:
                return Value.ForNull();
            case ConfigScalar { Kind: ConfigScalarKind.Boolean } flag:
                return Value.ForBool(flag.Text[0] is 't' or 'T');
            case ConfigScalar { Kind: ConfigScalarKind.Number } scalar when scalar.TryGetDouble(out var number):
                return Value.ForNumber(number);
            default:
                return Value.ForString(((ConfigScalar)node).Text);
        }
    }
}

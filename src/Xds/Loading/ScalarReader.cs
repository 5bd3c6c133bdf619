using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Turns a scalar node into the value of a protobuf scalar or enum field, by protobuf's JSON rules.</summary>
internal static class ScalarReader
{
    /// <summary>The value as the field's accessor takes it; null where the node does not fit, which has been reported then.</summary>
    public static object? Read(FieldType type, EnumDescriptor? enumType, ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        switch (type)
        {
            case FieldType.String:
                return ReadText(node, path, errors);
            case FieldType.Bytes:
                return ReadBytes(node, path, errors);
            case FieldType.Bool:
                return ReadBoolean(node, path, errors);
            case FieldType.Enum:
                return ReadEnum(enumType!, node, path, errors);
            case FieldType.Double:
                return ReadNumber(node, path, errors);
            case FieldType.Float:
                return ReadNumber(node, path, errors) is { } number ? (float)number : null;
            case FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32:
                return ReadWhole(node, int.MinValue, int.MaxValue, path, errors) is { } int32 ? (int)int32 : null;
            case FieldType.UInt32 or FieldType.Fixed32:
                return ReadWhole(node, uint.MinValue, uint.MaxValue, path, errors) is { } uint32 ? (uint)uint32 : null;
            case FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64:
                return ReadWhole(node, long.MinValue, long.MaxValue, path, errors) is { } int64 ? (long)int64 : null;
            case FieldType.UInt64 or FieldType.Fixed64:
                return ReadWhole(node, ulong.MinValue, ulong.MaxValue, path, errors) is { } uint64 ? (ulong)uint64 : null;
            default:
                throw new InvalidOperationException($"{type} is no scalar type");
        }
    }

    /// <summary>The value that stands for one that could not be read, so that list indexes stay those of the file.</summary>
    public static object Default(FieldType type) => type switch
    {
        FieldType.String => string.Empty,
        FieldType.Bytes => ByteString.Empty,
        FieldType.Bool => false,
        FieldType.Double => 0d,
        FieldType.Float => 0f,
        FieldType.UInt32 or FieldType.Fixed32 => 0u,
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => 0L,
        FieldType.UInt64 or FieldType.Fixed64 => 0UL,
        _ => 0,
    };

    private static string? ReadText(ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        if (node is ConfigScalar { Kind: ConfigScalarKind.Text } text)
        {
            return text.Text;
        }

        var remedy = node is ConfigScalar scalar ? $"put it in quotes: \"{scalar.Text}\"" : "write one text";
        errors.Add(node, path, $"expects text, but this is {node.Describe()}", remedy);
        return null;
    }

    private static ByteString? ReadBytes(ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        if (ReadText(node, path, errors) is not { } text)
        {
            return null;
        }

        // Protobuf's JSON form takes the URL-safe alphabet and missing padding too.
        var standard = text.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        standard = standard.PadRight((standard.Length + 3) / 4 * 4, '=');
        var bytes = new byte[standard.Length / 4 * 3];
        if (Convert.TryFromBase64String(standard, bytes, out var length))
        {
            return ByteString.CopyFrom(bytes, 0, length);
        }

        errors.Add(node, path, "is not valid base64", "encode the bytes as base64");
        return null;
    }

    private static bool? ReadBoolean(ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        if (node is ConfigScalar { Kind: ConfigScalarKind.Boolean } scalar)
        {
            return scalar.Text[0] is 't' or 'T';
        }

        errors.Add(node, path, $"expects true or false, but this is {node.Describe()}", "write true or false, without quotes");
        return null;
    }

    private static double? ReadNumber(ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        if (node is ConfigScalar scalar && AsNumber(scalar).TryGetDouble(out var number))
        {
            return number;
        }

        errors.Add(node, path, $"expects a number, but this is {node.Describe()}", "write a number, without quotes or unit");
        return null;
    }

    private static decimal? ReadWhole(ConfigNode node, decimal min, decimal max, ConfigPath path, ConfigErrors errors)
    {
        if (node is not ConfigScalar scalar || AsNumber(scalar) is not { Kind: ConfigScalarKind.Number } number)
        {
            errors.Add(node, path, $"expects a whole number, but this is {node.Describe()}", "write digits only");
            return null;
        }

        var exact = number.TryGetDecimal(out var value);
        if (exact && value != decimal.Truncate(value))
        {
            errors.Add(node, path, $"expects a whole number, but this is {node.Describe()}", "leave out the decimals");
            return null;
        }

        if (!exact || value < min || value > max)
        {
            errors.Add(node, path, $"{scalar.Text} is out of range", string.Create(CultureInfo.InvariantCulture, $"write a whole number from {min} to {max}"));
            return null;
        }

        return value;
    }

    /// <summary>Protobuf's JSON form takes numbers in quotes too.</summary>
    private static ConfigScalar AsNumber(ConfigScalar scalar) => scalar.Kind == ConfigScalarKind.Text && scalar.Text.Length > 0
        ? new ConfigScalar(scalar.Line, scalar.Column, scalar.Text, ScalarSchema.Resolve(scalar.Text))
        : scalar;

    /// <summary>The value of a name in upper or lower case: Envoy reads enums so, and published bootstraps write <c>strict_dns</c>.</summary>
    private static EnumValueDescriptor? FindValue(EnumDescriptor type, string name) =>
        type.FindValueByName(name) ?? type.Values.FirstOrDefault(value => string.Equals(value.Name, name, StringComparison.OrdinalIgnoreCase));

    private static int? ReadEnum(EnumDescriptor type, ConfigNode node, ConfigPath path, ConfigErrors errors)
    {
        if (node is ConfigScalar { Kind: ConfigScalarKind.Text } scalar)
        {
            if (FindValue(type, scalar.Text) is { } value)
            {
                return value.Number;
            }

            var nearest = NameSuggestion.Nearest(scalar.Text, type.Values.Select(known => known.Name));
            var hint = nearest is null ? string.Empty : $"did you mean {nearest}? ";
            errors.Add(node, path, $"\"{scalar.Text}\" is no value of {type.Name}", $"{hint}use one of {string.Join(", ", type.Values.Select(known => known.Name))}");
            return null;
        }

        if (node is ConfigScalar { Kind: ConfigScalarKind.Number } number && number.TryGetDecimal(out var code)
            && code is >= int.MinValue and <= int.MaxValue && code == decimal.Truncate(code) && type.FindValueByNumber((int)code) is { } byNumber)
        {
            return byNumber.Number;
        }

        errors.Add(node, path, $"expects a value of {type.Name}, but this is {node.Describe()}", $"use one of {string.Join(", ", type.Values.Select(known => known.Name))}");
        return null;
    }
}

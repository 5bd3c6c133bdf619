using System.Globalization;
using System.Text.Json;

namespace KubeProxyNet.Xds.Loading;

/// <summary>What an unquoted scalar means, by the YAML 1.2 core schema.</summary>
public enum ConfigScalarKind
{
    /// <summary>Text; every quoted scalar is.</summary>
    Text,

    /// <summary><c>null</c>, <c>~</c> or nothing.</summary>
    Null,

    /// <summary><c>true</c> or <c>false</c>. The words yes, no, on and off are text.</summary>
    Boolean,

    /// <summary>A whole or fractional number. Digits with a leading zero are text, for parsers disagree on their base.</summary>
    Number,
}

/// <summary>A text, number, boolean or null.</summary>
public sealed class ConfigScalar : ConfigNode
{
    internal ConfigScalar(int line, int column, string text, ConfigScalarKind kind)
        : base(line, column)
    {
        Text = text;
        Kind = kind;
    }

    /// <summary>The characters as written, without quotes and with escapes resolved.</summary>
    public string Text { get; }

    /// <summary>What the characters mean.</summary>
    public ConfigScalarKind Kind { get; }

    /// <summary>Whether the value is null.</summary>
    public bool IsNull => Kind == ConfigScalarKind.Null;

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        switch (Kind)
        {
            case ConfigScalarKind.Null:
                writer.WriteNullValue();
                break;
            case ConfigScalarKind.Boolean:
                writer.WriteBooleanValue(Text[0] is 't' or 'T');
                break;
            case ConfigScalarKind.Number when TryGetDecimal(out var exact):
                writer.WriteNumberValue(exact);
                break;
            case ConfigScalarKind.Number when TryGetDouble(out var number) && double.IsFinite(number):
                writer.WriteNumberValue(number);
                break;
            default:
                writer.WriteStringValue(Text);
                break;
        }
    }

    /// <summary>The number without loss; false where it is none or does not fit 28 digits.</summary>
    internal bool TryGetDecimal(out decimal value)
    {
        value = 0;
        if (Kind != ConfigScalarKind.Number)
        {
            return false;
        }

        if (Text.StartsWith("0x", StringComparison.Ordinal) || Text.StartsWith("0o", StringComparison.Ordinal))
        {
            try
            {
                value = Convert.ToUInt64(Text[2..], Text[1] == 'x' ? 16 : 8);
                return true;
            }
            catch (OverflowException)
            {
                return false;
            }
        }

        return decimal.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    internal bool TryGetDouble(out double value)
    {
        value = 0;
        if (Kind != ConfigScalarKind.Number)
        {
            return false;
        }

        var name = Text.TrimStart('+', '-');
        if (name.Equals(".inf", StringComparison.OrdinalIgnoreCase))
        {
            value = Text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }

        if (name.Equals(".nan", StringComparison.OrdinalIgnoreCase))
        {
            value = double.NaN;
            return true;
        }

        if (TryGetDecimal(out var exact))
        {
            value = (double)exact;
            return true;
        }

        return double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    internal override string Describe() => Kind switch
    {
        ConfigScalarKind.Null => "null",
        ConfigScalarKind.Boolean => Text,
        ConfigScalarKind.Number => "the number " + Text,
        _ => $"the text \"{(Text.Length <= 60 ? Text : Text[..57] + "...")}\"",
    };
}

using System.Buffers;

namespace KubeProxyNet.Xds.Loading;

/// <summary>The YAML 1.2 core schema: what an unquoted scalar means. Source: YAML 1.2.2, section 10.3.2.</summary>
internal static class ScalarSchema
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    public static ConfigScalarKind Resolve(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ConfigScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ConfigScalarKind.Boolean,
        ".nan" or ".NaN" or ".NAN" => ConfigScalarKind.Number,
        _ => IsNumber(text) ? ConfigScalarKind.Number : ConfigScalarKind.Text,
    };

    private static bool IsNumber(ReadOnlySpan<char> text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
        {
            return text.Length > 2 && text[2..].IndexOfAnyExcept(HexDigits) < 0;
        }

        if (text.StartsWith("0o", StringComparison.Ordinal))
        {
            return text.Length > 2 && text[2..].IndexOfAnyExceptInRange('0', '7') < 0;
        }

        if (text[0] is '+' or '-')
        {
            text = text[1..];
        }

        if (text is ".inf" or ".Inf" or ".INF")
        {
            return true;
        }

        var whole = TakeDigits(ref text);
        var leadingZero = whole.Length > 1 && whole[0] == '0';
        var fraction = 0;
        if (text.Length > 0 && text[0] == '.')
        {
            text = text[1..];
            fraction = TakeDigits(ref text).Length;
        }

        if (leadingZero || whole.Length + fraction == 0)
        {
            return false;
        }

        if (text.Length > 0 && text[0] is 'e' or 'E')
        {
            text = text[1..];
            text = text.Length > 0 && text[0] is '+' or '-' ? text[1..] : text;
            return TakeDigits(ref text).Length > 0 && text.Length == 0;
        }

        return text.Length == 0;
    }

    private static ReadOnlySpan<char> TakeDigits(ref ReadOnlySpan<char> text)
    {
        var end = text.IndexOfAnyExceptInRange('0', '9');
        var digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        return digits;
    }
}

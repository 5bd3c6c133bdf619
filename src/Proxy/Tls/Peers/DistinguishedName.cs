using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>Writes distinguished names as RFC 2253 does, the last part first: what Envoy shows of subjects and issuers.</summary>
internal static class DistinguishedName
{
    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal)
    {
        ["2.5.4.3"] = "CN",
        ["2.5.4.6"] = "C",
        ["2.5.4.7"] = "L",
        ["2.5.4.8"] = "ST",
        ["2.5.4.10"] = "O",
        ["2.5.4.11"] = "OU",
        ["2.5.4.5"] = "serialNumber",
        ["2.5.4.9"] = "street",
        ["0.9.2342.19200300.100.1.1"] = "UID",
        ["0.9.2342.19200300.100.1.25"] = "DC",
        ["1.2.840.113549.1.9.1"] = "emailAddress",
    };

    public static string Text(X500DistinguishedName name)
    {
        var text = new StringBuilder();
        foreach (var part in name.EnumerateRelativeDistinguishedNames(reversed: true))
        {
            if (text.Length > 0)
            {
                text.Append(',');
            }

            // Rare: parts of several elements, whose order says nothing, and texts with letters that their type does not have. Shown as their bytes.
            if (part.HasMultipleElements || ValueOf(part) is not { } value)
            {
                text.Append('#').Append(Convert.ToHexString(part.RawData.Span));
                continue;
            }

            var oid = part.GetSingleElementType().Value ?? "";
            text.Append(Names.GetValueOrDefault(oid, oid)).Append('=');
            AppendEscaped(text, value);
        }

        return text.ToString();
    }

    private static string? ValueOf(X500RelativeDistinguishedName part)
    {
        try
        {
            return part.GetSingleElementValue();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>RFC 2253 section 2.4, and control characters as bytes, so that nothing can end a line of a log.</summary>
    private static void AppendEscaped(StringBuilder text, string value)
    {
        for (var i = 0; i < value.Length; i++)
        {
            var letter = value[i];
            if (char.IsControl(letter))
            {
                text.Append('\\').Append(((int)letter & 0xFF).ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
                continue;
            }

            if (letter is ',' or '+' or '"' or '\\' or '<' or '>' or ';' || (letter == '#' && i == 0) || (letter == ' ' && (i == 0 || i == value.Length - 1)))
            {
                text.Append('\\');
            }

            text.Append(letter);
        }
    }
}

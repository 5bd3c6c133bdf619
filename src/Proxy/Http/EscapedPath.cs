using System.Buffers;
using System.Text;

namespace KubeProxyNet.Proxy.Http;

/// <summary>Percent-encoding in paths (RFC 3986 §2.1).</summary>
internal static class EscapedPath
{
    private const int EscapeLength = 3;
    private const int MaxUtf8Length = 4;

    /// <summary>Decodes the escape that the text begins with; false where it is none.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> text, out byte decoded)
    {
        decoded = 0;
        if (text.Length < EscapeLength || text[0] != '%' || !char.IsAsciiHexDigit((char)text[1]) || !char.IsAsciiHexDigit((char)text[2]))
        {
            return false;
        }

        decoded = (byte)((Digit(text[1]) << 4) | Digit(text[2]));
        return true;
    }

    /// <summary>
    /// False for what one server reads in another way than the next: an escaped slash, backslash or NUL, a percent sign that begins no
    /// escape, and escapes that are not UTF-8, such as the overlong spellings of a slash.
    /// </summary>
    public static bool IsUnambiguous(ReadOnlySpan<byte> path)
    {
        while (path.IndexOf((byte)'%') is var percent and >= 0)
        {
            path = path[percent..];
            if (!TryDecode(path, out var decoded) || decoded is 0 or (byte)'/' or (byte)'\\')
            {
                return false;
            }

            var escapes = 1;
            if (decoded >= 0x80 && !IsUtf8(path, out escapes))
            {
                return false;
            }

            path = path[(escapes * EscapeLength)..];
        }

        return true;
    }

    /// <summary>Whether the escapes that the text begins with are one character; <paramref name="escapes"/> says how many it takes.</summary>
    private static bool IsUtf8(ReadOnlySpan<byte> text, out int escapes)
    {
        Span<byte> bytes = stackalloc byte[MaxUtf8Length];
        var length = 0;
        while (length < MaxUtf8Length && TryDecode(text[(length * EscapeLength)..], out bytes[length]))
        {
            length++;
        }

        return Rune.DecodeFromUtf8(bytes[..length], out _, out escapes) == OperationStatus.Done;
    }

    private static int Digit(byte hex) => hex <= '9' ? hex - '0' : (hex | 0x20) - 'a' + 10;
}

using System.Globalization;

namespace KubeProxyNet.Proxy.Dns;

/// <summary>
/// Domain names (RFC 1035 section 3.1). As text they are in lower case without the last dot; the root is the empty text. A byte that is no
/// printable ASCII, and a dot or backslash within a label, is written <c>\DDD</c>, so that two texts are equal only where the names are.
/// </summary>
internal static class DnsName
{
    /// <summary>Longest name on the wire, its end included.</summary>
    public const int MaxWireLength = 255;

    private const int MaxLabelLength = 63;
    private const int PointerBits = 0xC0;

    // Each byte of a label may take four characters.
    private const int MaxTextLength = MaxWireLength * 4;

    /// <summary>The name that people write, with or without a last dot; null where it is none: empty, too long, an empty label, or anything but printable ASCII.</summary>
    public static string? Parse(string text)
    {
        var name = text.EndsWith('.') ? text[..^1] : text;
        if (name.Length is 0 or > MaxWireLength - 2)
        {
            return null;
        }

        foreach (var label in name.Split('.'))
        {
            if (label.Length is 0 or > MaxLabelLength || label.AsSpan().ContainsAnyExceptInRange('!', '~') || label.Contains('\\', StringComparison.Ordinal))
            {
                return null;
            }
        }

        return name.ToLowerInvariant();
    }

    /// <summary>Writes a name that <see cref="Parse"/> gave, without compression.</summary>
    /// <returns>Number of bytes; at most <see cref="MaxWireLength"/>.</returns>
    public static int Write(string name, Span<byte> to)
    {
        var at = 0;
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            to[at++] = (byte)label.Length;
            foreach (var character in label)
            {
                to[at++] = (byte)character;
            }
        }

        to[at++] = 0;
        return at;
    }

    /// <summary>Reads a name, following pointers (RFC 1035 section 4.1.4), and moves behind it.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="offset">Where the name begins; behind it on success.</param>
    /// <param name="name">The name.</param>
    /// <returns>False where the name is cut, too long, or a pointer does not lead to before what has been read: each must, so that there is an end.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int offset, out string name)
    {
        Span<char> text = stackalloc char[MaxTextLength];
        var (length, wireLength, at, lowest, end) = (0, 1, offset, offset, -1);
        name = "";
        while ((uint)at < (uint)message.Length)
        {
            int first = message[at];
            if (first == 0)
            {
                offset = end < 0 ? at + 1 : end;
                name = new string(text[..length]);
                return true;
            }

            if ((first & PointerBits) == PointerBits)
            {
                if (at + 1 >= message.Length)
                {
                    return false;
                }

                end = end < 0 ? at + 2 : end;
                at = ((first & ~PointerBits) << 8) | message[at + 1];
                if (at >= lowest)
                {
                    return false;
                }

                lowest = at;
                continue;
            }

            // The two other kinds of first byte are reserved; a label with them would be longer than 63.
            wireLength += first + 1;
            if (first > MaxLabelLength || wireLength > MaxWireLength || at + 1 + first > message.Length)
            {
                return false;
            }

            if (length > 0)
            {
                text[length++] = '.';
            }

            length += Decode(message.Slice(at + 1, first), text[length..]);
            at += first + 1;
        }

        return false;
    }

    private static int Decode(ReadOnlySpan<byte> label, Span<char> text)
    {
        var length = 0;
        foreach (var value in label)
        {
            if (value is > (byte)' ' and <= (byte)'~' and not (byte)'.' and not (byte)'\\')
            {
                text[length++] = char.ToLowerInvariant((char)value);
            }
            else
            {
                text[length++] = '\\';
                value.TryFormat(text[length..], out var written, "D3", CultureInfo.InvariantCulture);
                length += written;
            }
        }

        return length;
    }
}

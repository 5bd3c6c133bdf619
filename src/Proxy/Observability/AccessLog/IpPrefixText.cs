using System.Buffers.Text;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>Cuts IP addresses that stand as text to their first bits, without an allocation (RFC 4632 §3.1, RFC 5952).</summary>
internal static class IpPrefixText
{
    /// <summary>Room for the longest prefix, <c>ffff:…:ffff/128</c>.</summary>
    public const int MaxLength = 48;

    private const int Groups = 8;

    /// <summary>Writes address and length; false where the text is no address, or one of fewer bits.</summary>
    public static bool TryFormat(ReadOnlySpan<byte> address, int prefixLength, Span<byte> destination, out int written)
    {
        written = 0;
        Span<ushort> groups = stackalloc ushort[Groups];
        if (address.Contains((byte)':'))
        {
            if (prefixLength > 128 || !TryParseV6(address, groups))
            {
                return false;
            }

            Mask(groups, prefixLength);
            WriteV6(groups, destination, ref written);
        }
        else
        {
            if (prefixLength > 32 || !TryParseV4(address, groups))
            {
                return false;
            }

            Mask(groups[..2], prefixLength);
            for (var i = 0; i < 4; i++)
            {
                WriteNumber(i % 2 == 0 ? groups[i / 2] >> 8 : groups[i / 2] & 255, destination, ref written);
                destination[written++] = i < 3 ? (byte)'.' : (byte)'/';
            }

            written--;
        }

        destination[written++] = (byte)'/';
        WriteNumber(prefixLength, destination, ref written);
        return true;
    }

    private static bool TryParseV4(ReadOnlySpan<byte> text, Span<ushort> groups)
    {
        for (var i = 0; i < 4; i++)
        {
            if (!Utf8Parser.TryParse(text, out byte octet, out var consumed) || (i < 3 ? consumed >= text.Length || text[consumed] != '.' : consumed != text.Length))
            {
                return false;
            }

            groups[i / 2] = (ushort)((groups[i / 2] << 8) | octet);
            text = text[Math.Min(text.Length, consumed + 1)..];
        }

        return true;
    }

    private static bool TryParseV6(ReadOnlySpan<byte> text, Span<ushort> groups)
    {
        var zone = text.IndexOf((byte)'%');
        text = zone < 0 ? text : text[..zone];
        var gap = text.IndexOf("::"u8);
        if (gap < 0)
        {
            return ParseGroups(text, groups) == Groups;
        }

        Span<ushort> tail = stackalloc ushort[Groups];
        var before = ParseGroups(text[..gap], groups);
        var after = ParseGroups(text[(gap + 2)..], tail);
        if (before < 0 || after < 0 || before + after >= Groups)
        {
            return false;
        }

        groups[before..].Clear();
        tail[..after].CopyTo(groups[(Groups - after)..]);
        return true;
    }

    /// <summary>Number of groups, the last of which may be an IPv4 address and count twice; -1 where the text holds something else.</summary>
    private static int ParseGroups(ReadOnlySpan<byte> text, Span<ushort> groups)
    {
        var count = 0;
        while (!text.IsEmpty && count < Groups)
        {
            if (text.Contains((byte)'.') && !text.Contains((byte)':'))
            {
                return count <= Groups - 2 && TryParseV4(text, groups[count..]) ? count + 2 : -1;
            }

            if (!Utf8Parser.TryParse(text, out ushort group, out var consumed, 'x') || consumed > 4 || (consumed < text.Length && text[consumed] != ':'))
            {
                return -1;
            }

            groups[count++] = group;
            text = text[Math.Min(text.Length, consumed + 1)..];
        }

        return text.IsEmpty ? count : -1;
    }

    private static void Mask(Span<ushort> groups, int prefixLength)
    {
        for (var i = 0; i < groups.Length; i++)
        {
            var kept = Math.Clamp(prefixLength - (16 * i), 0, 16);
            groups[i] &= (ushort)(0xFFFF << (16 - kept));
        }
    }

    private static void WriteV6(ReadOnlySpan<ushort> groups, Span<byte> destination, ref int written)
    {
        var (start, length) = LongestZeros(groups);
        for (var i = 0; i < Groups; i++)
        {
            if (i == start)
            {
                "::"u8.CopyTo(destination[written..]);
                written += 2;
                i += length - 1;
                continue;
            }

            if (i > 0 && i != start + length)
            {
                destination[written++] = (byte)':';
            }

            Utf8Formatter.TryFormat(groups[i], destination[written..], out var digits, new System.Buffers.StandardFormat('x'));
            written += digits;
        }
    }

    // RFC 5952 §4.2: the longest run of zeros, the first of equals, at least two.
    private static (int Start, int Length) LongestZeros(ReadOnlySpan<ushort> groups)
    {
        var best = (Start: -1, Length: 1);
        for (var i = 0; i < Groups; i++)
        {
            var end = i;
            while (end < Groups && groups[end] == 0)
            {
                end++;
            }

            if (end - i > best.Length)
            {
                best = (i, end - i);
            }

            i = Math.Max(i, end);
        }

        return best.Start < 0 ? (-1, 0) : best;
    }

    private static void WriteNumber(int value, Span<byte> destination, ref int written)
    {
        Utf8Formatter.TryFormat(value, destination[written..], out var digits);
        written += digits;
    }
}

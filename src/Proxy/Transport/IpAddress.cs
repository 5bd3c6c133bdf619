using System.Buffers.Binary;
using System.Buffers.Text;
using System.Net;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// An IP address as a value, so that addresses out of headers cost no allocation. IPv4-mapped IPv6 addresses are their IPv4 address.
/// The default is no address.
/// </summary>
internal readonly record struct IpAddress
{
    /// <summary>Bytes that the longest text takes: eight groups of four digits.</summary>
    public const int MaxTextLength = 39;

    private const int Groups = 8;
    private const ulong MappedPrefix = 0xFFFF;

    private IpAddress(UInt128 bits, int length)
    {
        Bits = bits;
        Length = length;
    }

    /// <summary>The address as a number; an IPv4 address in the low 32 bits.</summary>
    public UInt128 Bits { get; }

    /// <summary>32 or 128 bits; 0 for no address.</summary>
    public int Length { get; }

    /// <summary>The value of an address.</summary>
    public static IpAddress From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? V4(BinaryPrimitives.ReadUInt32BigEndian(bytes)) : V6(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    /// <summary>
    /// Reads an address: four decimal numbers without leading zeros, or an IPv6 address (RFC 4291 §2.2) without brackets and zone.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out IpAddress address)
    {
        if (text.Contains((byte)':'))
        {
            return TryParseV6(text, out address);
        }

        var isValid = TryParseV4(text, out var bits);
        address = isValid ? V4(bits) : default;
        return isValid;
    }

    /// <summary>Writes the text, IPv6 as in RFC 5952; the number of bytes.</summary>
    public int Write(Span<byte> text)
    {
        if (Length == 32)
        {
            return WriteV4((uint)Bits, text);
        }

        var (zeros, end) = LongestZeros();
        var at = 0;
        for (var i = 0; i < Groups; i++)
        {
            if (i == zeros)
            {
                text[at++] = (byte)':';
                text[at++] = (byte)':';
                i = end - 1;
                continue;
            }

            if (i > 0 && i != end)
            {
                text[at++] = (byte)':';
            }

            Utf8Formatter.TryFormat(Group(i), text[at..], out var written, new System.Buffers.StandardFormat('x'));
            at += written;
        }

        return at;
    }

    private static IpAddress V4(uint bits) => new(bits, 32);

    private static IpAddress V6(UInt128 bits) => bits >> 32 == MappedPrefix ? V4((uint)bits) : new IpAddress(bits, 128);

    private static int WriteV4(uint bits, Span<byte> text)
    {
        var at = 0;
        for (var shift = 24; shift >= 0; shift -= 8)
        {
            Utf8Formatter.TryFormat((byte)(bits >> shift), text[at..], out var written);
            at += written;
            if (shift > 0)
            {
                text[at++] = (byte)'.';
            }
        }

        return at;
    }

    private static bool TryParseV4(ReadOnlySpan<byte> text, out uint bits)
    {
        bits = 0;
        for (var part = 0; part < 4; part++)
        {
            var dot = part < 3 ? text.IndexOf((byte)'.') : text.Length;
            if (dot is < 1 or > 3 || (dot > 1 && text[0] == '0')
                || !Utf8Parser.TryParse(text[..dot], out byte number, out var consumed) || consumed != dot || text[0] == '+')
            {
                return false;
            }

            bits = (bits << 8) | number;
            text = part < 3 ? text[(dot + 1)..] : default;
        }

        return true;
    }

    private static bool TryParseV6(ReadOnlySpan<byte> text, out IpAddress address)
    {
        address = default;
        UInt128 head = 0, tail = 0;
        int headGroups = 0, tailGroups = 0;
        var isCompressed = text.StartsWith("::"u8);
        if (isCompressed)
        {
            text = text[2..];
        }

        while (!text.IsEmpty)
        {
            if (!TryTakeGroups(ref text, out var groups, out var value) || headGroups + tailGroups + groups > Groups)
            {
                return false;
            }

            if (isCompressed)
            {
                tail = (tail << (16 * groups)) | value;
                tailGroups += groups;
            }
            else
            {
                head = (head << (16 * groups)) | value;
                headGroups += groups;
            }

            if (text.IsEmpty)
            {
                break;
            }

            // What follows a group is ':' and another group, or "::", once.
            if (groups == 2 || text.Length < 2 || (text[1] == ':' && isCompressed))
            {
                return false;
            }

            isCompressed |= text[1] == ':';
            text = text[(text[1] == ':' ? 2 : 1)..];
        }

        if (isCompressed ? headGroups + tailGroups >= Groups : headGroups != Groups)
        {
            return false;
        }

        address = V6((headGroups == 0 ? 0 : head << (16 * (Groups - headGroups))) | tail);
        return true;
    }

    /// <summary>Takes one group of hexadecimal digits, or an IPv4 address that ends the text and is two.</summary>
    private static bool TryTakeGroups(ref ReadOnlySpan<byte> text, out int groups, out uint value)
    {
        var end = text.IndexOf((byte)':');
        end = end < 0 ? text.Length : end;
        groups = 1;
        if (end == text.Length && text.Contains((byte)'.'))
        {
            groups = 2;
            var isV4 = TryParseV4(text, out value);
            text = default;
            return isV4;
        }

        value = 0;
        if (end is < 1 or > 4 || !Utf8Parser.TryParse(text[..end], out value, out var consumed, 'x') || consumed != end)
        {
            return false;
        }

        text = text[end..];
        return true;
    }

    private ushort Group(int index) => (ushort)(Bits >> (16 * (Groups - 1 - index)));

    /// <summary>The first longest run of at least two zero groups; -1 where there is none.</summary>
    private (int Start, int End) LongestZeros()
    {
        var (start, end) = (-1, -1);
        for (var i = 0; i < Groups; i++)
        {
            var j = i;
            while (j < Groups && Group(j) == 0)
            {
                j++;
            }

            if (j - i >= 2 && j - i > end - start)
            {
                (start, end) = (i, j);
            }

            i = Math.Max(i, j - 1);
        }

        return (start, end);
    }
}

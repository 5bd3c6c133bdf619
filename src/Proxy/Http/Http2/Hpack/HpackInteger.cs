using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>Integers with a prefix (RFC 7541 §5.1).</summary>
internal static class HpackInteger
{
    // Five octets behind the prefix hold all that an int can be, and more zeros than anybody needs.
    private const int MaxOctets = 5;

    /// <summary>Reads one whose first octet is at <paramref name="at"/>; the bits above the prefix are not looked at.</summary>
    /// <param name="bytes">Where to read.</param>
    /// <param name="at">Position of the first octet; behind the last one where the result is <see cref="HpackStatus.Done"/>.</param>
    /// <param name="prefixBits">4 to 7.</param>
    /// <param name="value">0 to <see cref="int.MaxValue"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HpackStatus Read(ReadOnlySpan<byte> bytes, ref int at, int prefixBits, out int value)
    {
        var mask = (1 << prefixBits) - 1;
        value = bytes[at++] & mask;
        return value < mask ? HpackStatus.Done : ReadRest(bytes, ref at, ref value);
    }

    /// <summary>Writes one whose first octet also holds what stands above the prefix.</summary>
    public static void Write(ref ByteWriter writer, byte above, int prefixBits, int value)
    {
        var mask = (1 << prefixBits) - 1;
        if (value < mask)
        {
            writer.Write((byte)(above | value));
            return;
        }

        writer.Write((byte)(above | mask));
        var rest = (uint)(value - mask);
        for (; rest >= 0x80; rest >>= 7)
        {
            writer.Write((byte)(rest | 0x80));
        }

        writer.Write((byte)rest);
    }

    private static HpackStatus ReadRest(ReadOnlySpan<byte> bytes, ref int at, ref int value)
    {
        var sum = (long)value;
        for (var octet = 0; octet < MaxOctets; octet++)
        {
            if (at >= bytes.Length)
            {
                return HpackStatus.Truncated;
            }

            var b = bytes[at++];
            sum += (long)(b & 0x7F) << (7 * octet);
            if (b < 0x80)
            {
                value = (int)sum;
                return sum <= int.MaxValue ? HpackStatus.Done : HpackStatus.BadInteger;
            }
        }

        return HpackStatus.BadInteger;
    }
}

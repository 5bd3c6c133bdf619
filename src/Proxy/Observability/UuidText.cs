using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Observability;

/// <summary>Writes UUIDs of random bits as text (RFC 9562 §4 and §5.4).</summary>
internal static class UuidText
{
    /// <summary>Fills 36 bytes. Six of the bits become the version and the variant.</summary>
    public static void Write(Span<byte> text, ulong high, ulong low)
    {
        Span<byte> bits = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bits, (high & 0xFFFFFFFFFFFF0FFF) | 0x4000);
        BinaryPrimitives.WriteUInt64BigEndian(bits[8..], (low & 0x3FFFFFFFFFFFFFFF) | 0x8000000000000000);
        Span<byte> hex = stackalloc byte[32];
        Convert.TryToHexStringLower(bits, hex, out _);
        hex[..8].CopyTo(text);
        hex[8..12].CopyTo(text[9..]);
        hex[12..16].CopyTo(text[14..]);
        hex[16..20].CopyTo(text[19..]);
        hex[20..].CopyTo(text[24..]);
        text[8] = text[13] = text[18] = text[23] = (byte)'-';
    }
}

using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>
/// Hashes of names and values. Who sends colliding ones gains nothing: the chains of an index are as short as the table, and equality is
/// decided by the bytes.
/// </summary>
internal static class FieldHash
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    /// <summary>The hash of a text.</summary>
    public static uint Of(ReadOnlySpan<byte> text)
    {
        var hash = (ulong)text.Length;
        var length = text.Length;
        if (length >= 8)
        {
            for (var at = 0; at < length - 8; at += 8)
            {
                hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(text[at..]));
            }

            hash ^= BinaryPrimitives.ReadUInt64LittleEndian(text[(length - 8)..]);
        }
        else if (length >= 4)
        {
            hash ^= BinaryPrimitives.ReadUInt32LittleEndian(text) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(text[(length - 4)..]) << 32);
        }
        else if (length > 0)
        {
            hash ^= ((ulong)text[0] << 8) | ((ulong)text[length / 2] << 16) | ((ulong)text[length - 1] << 24);
        }

        return (uint)(Mix(hash) >> 32);
    }

    /// <summary>The hash of a name together with a value.</summary>
    public static uint Of(uint nameHash, ReadOnlySpan<byte> value) => (uint)(Mix(((ulong)nameHash << 32) | Of(value)) >> 32);

    private static ulong Mix(ulong hash)
    {
        hash *= Multiplier;
        return hash ^ (hash >> 29);
    }
}

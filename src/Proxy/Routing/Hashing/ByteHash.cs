using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Routing.Hashing;

/// <summary>
/// A hash of short byte strings, eight bytes a step. The tables that use it hold names from configuration only, so that a client
/// cannot choose what collides; it needs no secret.
/// </summary>
internal static class ByteHash
{
    private const ulong First = 0xA0761D6478BD642F;
    private const ulong Second = 0xE7037ED1A0B428DB;

    public static uint Compute(ReadOnlySpan<byte> value)
    {
        var hash = Mix((ulong)value.Length + First, Second);
        while (value.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(value), Second);
            value = value[sizeof(ulong)..];
        }

        var rest = 0UL;
        if (value.Length >= sizeof(uint))
        {
            // Two loads that may overlap cover four to seven bytes.
            rest = BinaryPrimitives.ReadUInt32LittleEndian(value)
                | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(value[^sizeof(uint)..]) << 32);
        }
        else
        {
            foreach (var b in value)
            {
                rest = (rest << 8) | b;
            }
        }

        return (uint)Mix(hash ^ rest, First);
    }

    private static ulong Mix(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }
}

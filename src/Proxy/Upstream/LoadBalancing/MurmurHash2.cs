using System.Buffers.Binary;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>MurmurHash2 of 64 bits (Appleby, "MurmurHash64A") with the seed that libstdc++ hashes strings with, which Envoy uses as well.</summary>
internal static class MurmurHash2
{
    private const ulong Seed = 0xC70F6907;
    private const ulong Multiplier = 0xC6A4A7935BD1E995;

    /// <summary>The hash of some bytes.</summary>
    public static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = Seed ^ ((ulong)bytes.Length * Multiplier);
        while (bytes.Length >= sizeof(ulong))
        {
            hash = (hash ^ (Mix(BinaryPrimitives.ReadUInt64LittleEndian(bytes) * Multiplier) * Multiplier)) * Multiplier;
            bytes = bytes[sizeof(ulong)..];
        }

        if (!bytes.IsEmpty)
        {
            var rest = 0UL;
            for (var i = bytes.Length - 1; i >= 0; i--)
            {
                rest = (rest << 8) | bytes[i];
            }

            hash = (hash ^ rest) * Multiplier;
        }

        return Mix(Mix(hash) * Multiplier);
    }

    private static ulong Mix(ulong value) => value ^ (value >> 47);
}

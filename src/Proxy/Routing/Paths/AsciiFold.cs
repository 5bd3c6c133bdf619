using System.Buffers;

namespace KubeProxyNet.Proxy.Routing.Paths;

/// <summary>Comparison of bytes with ASCII letters folded; other bytes are compared as they are.</summary>
internal static class AsciiFold
{
    /// <summary>Writes <paramref name="source"/> with ASCII letters in lower case; the destination is at least as long.</summary>
    public static void ToLower(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        // The framework's routine is vectorised but stops at the first byte that is not ASCII.
        if (System.Text.Ascii.ToLower(source, destination, out _) == OperationStatus.Done)
        {
            return;
        }

        for (var i = 0; i < source.Length; i++)
        {
            destination[i] = ToLower(source[i]);
        }
    }

    public static byte ToLower(byte value) => (uint)(value - 'A') <= 'Z' - 'A' ? (byte)(value | 0x20) : value;

    /// <summary>True where <paramref name="value"/> in lower case is <paramref name="lower"/>.</summary>
    public static bool EqualsLower(ReadOnlySpan<byte> value, ReadOnlySpan<byte> lower)
    {
        if (value.Length != lower.Length)
        {
            return false;
        }

        for (var i = 0; i < value.Length; i++)
        {
            if (ToLower(value[i]) != lower[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True where <paramref name="value"/> in lower case holds <paramref name="lower"/>.</summary>
    public static bool ContainsLower(ReadOnlySpan<byte> value, ReadOnlySpan<byte> lower)
    {
        for (var start = 0; start + lower.Length <= value.Length; start++)
        {
            if (EqualsLower(value.Slice(start, lower.Length), lower))
            {
                return true;
            }
        }

        return false;
    }
}

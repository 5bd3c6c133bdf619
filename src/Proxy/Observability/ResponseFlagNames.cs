using System.Numerics;
using System.Text;

namespace KubeProxyNet.Proxy.Observability;

/// <summary>The short (<c>UH</c>) and long (<c>NoHealthyUpstream</c>) names of <see cref="ResponseFlags"/>.</summary>
public static class ResponseFlagNames
{
    private static readonly string[] Short =
    [
        "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH", "DPE", "UMSDR",
        "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
    ];

    /// <summary>Every short name, in Envoy's order of output.</summary>
    public static IReadOnlyList<string> ShortNames => Short;

    private static readonly byte[][] ShortBytes = [.. Short.Select(Encoding.ASCII.GetBytes)];

    private static readonly byte[][] LongBytes =
        [.. Enumerable.Range(0, Short.Length).Select(bit => Encoding.ASCII.GetBytes(((ResponseFlags)(1UL << bit)).ToString()))];

    /// <summary>Enough room for every flag at once, in either form.</summary>
    public const int MaxLength = 1024;

    /// <summary>The flag of a short name such as <c>UH</c>; false where there is none.</summary>
    public static bool TryParse(string shortName, out ResponseFlags flag)
    {
        var bit = Array.IndexOf(Short, shortName);
        flag = bit < 0 ? ResponseFlags.None : (ResponseFlags)(1UL << bit);
        return bit >= 0;
    }

    /// <summary>Short names with commas between, <c>-</c> where no flag is set; as in Envoy's <c>%RESPONSE_FLAGS%</c>.</summary>
    public static string Format(ResponseFlags flags)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        TryFormat(flags, buffer, out var written);
        return Encoding.ASCII.GetString(buffer[..written]);
    }

    /// <summary>
    /// Writes the names with commas between, or <c>-</c>; false, with nothing written, where <paramref name="destination"/> is too small.
    /// Allocates nothing.
    /// </summary>
    public static bool TryFormat(ResponseFlags flags, Span<byte> destination, out int written, bool longNames = false)
    {
        written = 0;
        var names = longNames ? LongBytes : ShortBytes;
        var left = (ulong)flags & ((1UL << names.Length) - 1);
        if (left == 0)
        {
            return Append("-"u8, destination, ref written);
        }

        for (var first = true; left != 0; left &= left - 1, first = false)
        {
            if ((!first && !Append(","u8, destination, ref written))
                || !Append(names[BitOperations.TrailingZeroCount(left)], destination, ref written))
            {
                written = 0;
                return false;
            }
        }

        return true;
    }

    private static bool Append(ReadOnlySpan<byte> text, Span<byte> destination, ref int written)
    {
        if (!text.TryCopyTo(destination[written..]))
        {
            return false;
        }

        written += text.Length;
        return true;
    }
}

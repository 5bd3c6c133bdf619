namespace KubeProxyNet.Proxy.Http;

/// <summary>ASCII comparisons over bytes.</summary>
internal static class Ascii
{
    /// <summary>Equality without regard to the case of ASCII letters.</summary>
    public static bool EqualsIgnoreCase(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => System.Text.Ascii.EqualsIgnoreCase(a, b);

    /// <summary>True where a comma-separated list has an element, without regard to case.</summary>
    public static bool HasListElement(ReadOnlySpan<byte> list, ReadOnlySpan<byte> wanted)
    {
        while (NextListElement(ref list, out var element))
        {
            if (EqualsIgnoreCase(element, wanted))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the next element of a comma-separated list (RFC 9110 §5.6.1), trimmed; false at the end. Empty elements are skipped.</summary>
    public static bool NextListElement(ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> element)
    {
        while (!list.IsEmpty)
        {
            var comma = list.IndexOf((byte)',');
            element = (comma < 0 ? list : list[..comma]).Trim(" \t"u8);
            list = comma < 0 ? default : list[(comma + 1)..];
            if (!element.IsEmpty)
            {
                return true;
            }
        }

        element = default;
        return false;
    }
}

namespace KubeProxyNet.Proxy.Http;

/// <summary>Finds cookies in a request (RFC 6265 §4.2).</summary>
internal static class RequestCookies
{
    /// <summary>The value of the first cookie of that name, without quotes. False where there is none, or it is empty.</summary>
    public static bool TryFind(RequestHead head, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Id != KnownHeader.Withheld && head.Span(field.Name).SequenceEqual("cookie"u8) && TryFind(head.Span(field.Value), name, out value))
            {
                return true;
            }
        }

        value = default;
        return false;
    }

    private static bool TryFind(ReadOnlySpan<byte> cookies, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (!cookies.IsEmpty)
        {
            var end = cookies.IndexOf((byte)';');
            var cookie = (end < 0 ? cookies : cookies[..end]).Trim((byte)' ');
            cookies = end < 0 ? default : cookies[(end + 1)..];
            var equals = cookie.IndexOf((byte)'=');
            if (equals >= 0 && cookie[..equals].SequenceEqual(name))
            {
                value = Unquote(cookie[(equals + 1)..]);
                return !value.IsEmpty;
            }
        }

        value = default;
        return false;
    }

    private static ReadOnlySpan<byte> Unquote(ReadOnlySpan<byte> value) => value.Length >= 2 && value[0] == '"' && value[^1] == '"' ? value[1..^1] : value;
}

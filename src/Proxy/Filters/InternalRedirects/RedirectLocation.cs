using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Filters.InternalRedirects;

/// <summary>The parts of an absolute URL of scheme http or https (RFC 9110 §10.2.2), without its fragment. Its characters are judged when it is parsed as a request.</summary>
/// <param name="isHttps">True for https.</param>
/// <param name="authority">Host and port.</param>
/// <param name="target">Path with query; may lack the slash before it.</param>
internal readonly ref struct RedirectLocation(bool isHttps, ReadOnlySpan<byte> authority, ReadOnlySpan<byte> target)
{
    /// <summary>True for https.</summary>
    public bool IsHttps { get; } = isHttps;

    /// <summary>Host, with port where it is given.</summary>
    public ReadOnlySpan<byte> Authority { get; } = authority;

    /// <summary>Path with query; may be empty or begin with the question mark.</summary>
    public ReadOnlySpan<byte> Target { get; } = target;

    /// <summary>Takes a URL apart; false where it is not absolute, as Envoy demands.</summary>
    public static bool TryParse(ReadOnlySpan<byte> url, out RedirectLocation location)
    {
        location = default;
        var colon = url.IndexOf("://"u8);
        if (colon <= 0)
        {
            return false;
        }

        var isHttps = Ascii.EqualsIgnoreCase(url[..colon], "https"u8);
        if (!isHttps && !Ascii.EqualsIgnoreCase(url[..colon], "http"u8))
        {
            return false;
        }

        var rest = url[(colon + 3)..];
        var fragment = rest.IndexOf((byte)'#');
        rest = fragment < 0 ? rest : rest[..fragment];
        var end = rest.IndexOfAny((byte)'/', (byte)'?');
        var authority = end < 0 ? rest : rest[..end];
        location = new RedirectLocation(isHttps, authority, end < 0 ? default : rest[end..]);
        return !authority.IsEmpty && authority.IndexOf((byte)'@') < 0;
    }
}

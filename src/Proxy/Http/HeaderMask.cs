namespace KubeProxyNet.Proxy.Http;

/// <summary>A set of known headers in one word.</summary>
internal readonly record struct HeaderMask(ulong Bits)
{
    /// <summary>
    /// Fields that concern one connection only and are never forwarded (RFC 9110 §7.6.1), and the framing, which each side writes anew.
    /// Trailer is among them because trailers may be dropped further on, and so is what was withheld.
    /// </summary>
    public static readonly HeaderMask NeverForwarded = Of(
        KnownHeader.Connection, KnownHeader.KeepAlive, KnownHeader.ProxyConnection, KnownHeader.Te, KnownHeader.Trailer,
        KnownHeader.Upgrade, KnownHeader.TransferEncoding, KnownHeader.ContentLength, KnownHeader.Withheld);

    public static HeaderMask Of(params ReadOnlySpan<KnownHeader> headers)
    {
        var mask = default(HeaderMask);
        foreach (var header in headers)
        {
            mask = mask.With(header);
        }

        return mask;
    }

    public HeaderMask With(KnownHeader header) => new(Bits | (1UL << (int)header));

    public HeaderMask With(HeaderMask other) => new(Bits | other.Bits);

    public bool Overlaps(HeaderMask other) => (Bits & other.Bits) != 0;

    public bool Contains(KnownHeader header) => (Bits & (1UL << (int)header)) != 0;
}

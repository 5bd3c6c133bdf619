namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// A request head. <see cref="Path"/> and <see cref="Query"/> split the target at the first '?'; a fragment never arrives in a valid target.
/// Header look-ups by name also answer HTTP/2's pseudo-header names, as Envoy's matchers and format operators expect.
/// </summary>
public sealed class RequestHead : MessageHead
{
    internal Slice MethodSlice;
    internal Slice TargetSlice;
    internal Slice PathSlice;
    internal Slice QuerySlice;
    internal Slice AuthoritySlice;
    private byte[]? _defaultAuthority;

    /// <summary>The method as received; methods are case-sensitive (RFC 9110 §9.1).</summary>
    public ReadOnlySpan<byte> Method => Span(MethodSlice);

    /// <summary>Path with query, in origin form: Envoy's <c>:path</c>. Empty for CONNECT.</summary>
    public ReadOnlySpan<byte> Target => Span(TargetSlice);

    /// <summary>Path without query; what routes match.</summary>
    public ReadOnlySpan<byte> Path => Span(PathSlice);

    /// <summary>Query without '?'; empty where there is none.</summary>
    public ReadOnlySpan<byte> Query => Span(QuerySlice);

    /// <summary>Host header, or the authority of an absolute-form target (RFC 9112 §3.2.2); may hold a port. Empty for HTTP/1.0 without Host.</summary>
    public ReadOnlySpan<byte> Authority => _defaultAuthority ?? Span(AuthoritySlice);

    /// <summary>True for the method CONNECT, whose target is an authority and no path (RFC 9110 §9.3.6).</summary>
    public bool IsConnect { get; internal set; }

    /// <summary>True for the method HEAD, whose response has no body (RFC 9110 §9.3.2).</summary>
    public bool IsHead { get; internal set; }

    /// <summary>
    /// True where the client speaks https: because its connection is TLS, or because a proxy in front that is trusted says so in
    /// <c>x-forwarded-proto</c>.
    /// </summary>
    public bool IsHttps { get; internal set; }

    /// <summary>What is known of the certificate of the client's connection.</summary>
    public ClientCertificateStatus ClientCertificate { get; internal set; }

    /// <summary>True where the target is in absolute form with the scheme https (RFC 9112 §3.2.2).</summary>
    internal bool IsHttpsTarget { get; set; }

    /// <summary>Envoy's <c>:scheme</c>.</summary>
    public ReadOnlySpan<byte> Scheme => IsHttps ? "https"u8 : "http"u8;

    /// <summary>Gives a request without an authority the configured one.</summary>
    internal void SetDefaultAuthority(byte[] authority) => _defaultAuthority = authority;

    /// <inheritdoc/>
    public override bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value)
    {
        if (lowerCaseName.Length > 0 && lowerCaseName[0] == (byte)':')
        {
            value = lowerCaseName.SequenceEqual(":path"u8) ? Target
                : lowerCaseName.SequenceEqual(":method"u8) ? Method
                : lowerCaseName.SequenceEqual(":authority"u8) ? Authority
                : lowerCaseName.SequenceEqual(":scheme"u8) ? Scheme
                : default;
            return !value.IsEmpty;
        }

        if (lowerCaseName.SequenceEqual("host"u8) && Has(KnownHeader.Host))
        {
            // Envoy knows Host as :authority, which a target in absolute form and the listener's settings may have changed.
            value = Authority;
            return true;
        }

        return base.TryGet(lowerCaseName, out value);
    }

    /// <summary>Shortens the path in place to its first bytes; the query moves up behind it.</summary>
    internal void ShortenPath(int length)
    {
        var query = Bytes.AsSpan(PathSlice.End, TargetSlice.End - PathSlice.End);
        query.CopyTo(Bytes.AsSpan(PathSlice.Offset + length));
        var moved = PathSlice.Length - length;
        PathSlice = new Slice(PathSlice.Offset, length);
        QuerySlice = new Slice(QuerySlice.Offset - moved, QuerySlice.Length);
        TargetSlice = new Slice(TargetSlice.Offset, TargetSlice.Length - moved);
    }

    /// <summary>Takes the query off the target.</summary>
    internal void DropQuery()
    {
        if (TargetSlice.End > PathSlice.End)
        {
            TargetSlice = new Slice(TargetSlice.Offset, PathSlice.End - TargetSlice.Offset);
            QuerySlice = default;
        }
    }

    /// <inheritdoc/>
    internal override void Reset()
    {
        base.Reset();
        MethodSlice = TargetSlice = PathSlice = QuerySlice = AuthoritySlice = default;
        _defaultAuthority = null;
        IsHttps = IsHttpsTarget = IsConnect = IsHead = false;
        ClientCertificate = ClientCertificateStatus.None;
    }
}

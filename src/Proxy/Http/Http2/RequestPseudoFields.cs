namespace KubeProxyNet.Proxy.Http.Http2;

/// <summary>What a request says in pseudo-header fields (RFC 9113 section 8.3.1). What is empty is not sent.</summary>
internal readonly ref struct RequestPseudoFields
{
    public required ReadOnlySpan<byte> Method { get; init; }

    public ReadOnlySpan<byte> Scheme { get; init; }

    public required ReadOnlySpan<byte> Authority { get; init; }

    public ReadOnlySpan<byte> Path { get; init; }

    /// <summary>Of extended CONNECT (RFC 8441 section 4).</summary>
    public ReadOnlySpan<byte> Protocol { get; init; }
}

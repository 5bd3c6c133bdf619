namespace KubeProxyNet.Proxy.Tls.Inspection;

/// <summary>What a ClientHello says that matters before the handshake. The spans lie in the bytes that were read.</summary>
internal readonly ref struct ClientHello
{
    /// <summary>The host name that is asked for (RFC 6066 §3), in lower case; empty for none.</summary>
    public ReadOnlySpan<byte> ServerName { get; init; }

    /// <summary>The protocols that are offered, each with a byte of length before it (RFC 7301 §3.1); empty for none.</summary>
    public ReadOnlySpan<byte> ApplicationProtocols { get; init; }

    /// <summary>The versions that are offered, two bytes each, with reserved values as they came (RFC 8446 §4.2.1, RFC 8701); empty for the legacy one alone.</summary>
    public ReadOnlySpan<byte> SupportedVersions { get; init; }

    /// <summary>The version field of the message; 0x0303 from clients of TLS 1.2 and 1.3.</summary>
    public ushort LegacyVersion { get; init; }

    /// <summary>Bytes of the records that hold the message.</summary>
    public int Length { get; init; }
}

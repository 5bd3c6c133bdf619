namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>The fields whose names begin with a colon (RFC 9113 §8.3, RFC 8441 §4).</summary>
internal enum PseudoHeader : byte
{
    /// <summary>A regular field.</summary>
    None,
    Authority,
    Method,
    Path,
    Scheme,
    Status,

    /// <summary>Of extended CONNECT.</summary>
    Protocol,

    /// <summary>A name with a colon before it that is none of these; such a message is malformed.</summary>
    Unknown,
}

/// <summary>Maps names to <see cref="PseudoHeader"/>.</summary>
internal static class PseudoHeaders
{
    /// <summary>Identifies a name.</summary>
    public static PseudoHeader Identify(ReadOnlySpan<byte> name) => name.IsEmpty || name[0] != ':' ? PseudoHeader.None
        : name.SequenceEqual(":path"u8) ? PseudoHeader.Path
        : name.SequenceEqual(":method"u8) ? PseudoHeader.Method
        : name.SequenceEqual(":scheme"u8) ? PseudoHeader.Scheme
        : name.SequenceEqual(":authority"u8) ? PseudoHeader.Authority
        : name.SequenceEqual(":status"u8) ? PseudoHeader.Status
        : name.SequenceEqual(":protocol"u8) ? PseudoHeader.Protocol
        : PseudoHeader.Unknown;
}

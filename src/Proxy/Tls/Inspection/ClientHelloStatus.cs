namespace KubeProxyNet.Proxy.Tls.Inspection;

/// <summary>What the first bytes of a connection are.</summary>
internal enum ClientHelloStatus : byte
{
    /// <summary>So far the beginning of a ClientHello.</summary>
    NeedMore,

    /// <summary>A whole ClientHello.</summary>
    Found,

    /// <summary>Something else than TLS.</summary>
    NotTls,

    /// <summary>TLS, but no ClientHello that a server could accept.</summary>
    Malformed,

    /// <summary>A ClientHello that is longer than is read.</summary>
    TooLarge,
}

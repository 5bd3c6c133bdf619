namespace KubeProxyNet.Proxy.Http;

/// <summary>What is known of the client's certificate.</summary>
public enum ClientCertificateStatus
{
    /// <summary>There is none, or no TLS.</summary>
    None,

    /// <summary>The client presented one that was not looked at, not found good, or came with a session that was resumed.</summary>
    Presented,

    /// <summary>It was found as demanded in this connection's handshake.</summary>
    Validated,
}

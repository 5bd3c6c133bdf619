namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>What a log may ask of a connection's TLS (Envoy documentation, "Substitution Formatter": the <c>TLS</c>, <c>PEER</c> and <c>LOCAL</c> operators).</summary>
public enum TlsFact
{
    Version,
    Cipher,

    /// <summary>The group that keys were agreed on in.</summary>
    Group,
    ServerName,
    PeerSubject,
    PeerIssuer,
    PeerSerial,
    PeerFingerprint1,
    PeerFingerprint256,
    PeerDnsNames,
    PeerUriNames,
    PeerIpNames,
    PeerEmailNames,
    PeerOtherNames,

    /// <summary>The peer's certificate in PEM, percent-encoded.</summary>
    PeerCertificate,
    PeerChainFingerprints1,
    PeerChainFingerprints256,
    PeerChainSerials,
    PeerIssuerFingerprint256,
    PeerIssuerSerial,
    LocalSubject,
    LocalDnsNames,
    LocalUriNames,
    LocalIpNames,
    LocalEmailNames,
    LocalOtherNames,
}

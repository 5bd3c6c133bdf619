using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>Says in words what is known of a session of TLS. Several names stand with a comma between them, as in Envoy.</summary>
internal static class TlsDescription
{
    /// <summary>A fact; null for none.</summary>
    public static string? Text(TlsSocket socket, TlsFact fact) => fact switch
    {
        TlsFact.Version => socket.Version,
        TlsFact.Cipher => socket.Cipher,
        TlsFact.Group => socket.Group,
        TlsFact.ServerName => socket.AskedServerName,
        TlsFact.PeerSubject => socket.Peer?.Subject,
        TlsFact.PeerIssuer => socket.Peer?.Issuer,
        TlsFact.PeerSerial => socket.Peer?.SerialNumber,
        TlsFact.PeerFingerprint1 => socket.Peer?.Fingerprint1,
        TlsFact.PeerFingerprint256 => socket.Peer?.Fingerprint,
        TlsFact.PeerDnsNames => Names(socket.Peer, SanType.Dns),
        TlsFact.PeerUriNames => Names(socket.Peer, SanType.Uri),
        TlsFact.PeerIpNames => Names(socket.Peer, SanType.IpAddress),
        TlsFact.PeerEmailNames => Names(socket.Peer, SanType.Email),
        TlsFact.PeerOtherNames => Names(socket.Peer, SanType.OtherName),
        TlsFact.PeerCertificate => socket.Peer is { } peer ? Uri.EscapeDataString(peer.Pem) : null,
        TlsFact.PeerChainFingerprints1 => Joined(socket.PeerChain.Select(static certificate => certificate.Fingerprint1)),
        TlsFact.PeerChainFingerprints256 => Joined(socket.PeerChain.Select(static certificate => certificate.Fingerprint)),
        TlsFact.PeerChainSerials => Joined(socket.PeerChain.Select(static certificate => certificate.SerialNumber)),
        TlsFact.PeerIssuerFingerprint256 => socket.PeerChain.ElementAtOrDefault(1)?.Fingerprint,
        TlsFact.PeerIssuerSerial => socket.PeerChain.ElementAtOrDefault(1)?.SerialNumber,
        TlsFact.LocalSubject => socket.Local?.Subject,
        TlsFact.LocalDnsNames => Names(socket.Local, SanType.Dns),
        TlsFact.LocalUriNames => Names(socket.Local, SanType.Uri),
        TlsFact.LocalIpNames => Names(socket.Local, SanType.IpAddress),
        TlsFact.LocalEmailNames => Names(socket.Local, SanType.Email),
        TlsFact.LocalOtherNames => Names(socket.Local, SanType.OtherName),
        _ => null,
    };

    private static string? Names(PeerCertificate? certificate, SanType type) => certificate is null ? null : Joined(certificate.NamesOf(type));

    private static string Joined(IEnumerable<string> values) => string.Join(',', values);
}

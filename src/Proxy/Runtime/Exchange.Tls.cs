using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Tls;

namespace KubeProxyNet.Proxy.Runtime;

/// <content>What logs and headers ask of TLS on either side.</content>
internal sealed partial class Exchange
{
    /// <summary>TLS with the client; null for plain text.</summary>
    public TlsSocket? ClientTls => Downstream.Connection.Layer as TlsSocket;

    string? IAccessLogSource.TlsText(TlsFact fact, bool isUpstream) =>
        (isUpstream ? Attempt.Tls : ClientTls) is { } socket ? TlsDescription.Text(socket, fact) : null;

    DateTimeOffset? IAccessLogSource.PeerCertificateDate(bool isUpstream, bool isEnd) =>
        (isUpstream ? Attempt.Tls : ClientTls)?.Peer is { } certificate ? isEnd ? certificate.NotAfter : certificate.NotBefore : null;
}

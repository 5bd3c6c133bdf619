using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>TLS to the endpoints of a cluster that share a transport socket: what new connections use. Replaced when a secret changes.</summary>
/// <param name="Context">Settings of our side; null while a secret has not come, and connections fail.</param>
/// <param name="Stats">The cluster's counters of TLS.</param>
/// <param name="Failures">Told of handshakes that fail; null for nobody.</param>
internal sealed record UpstreamTls(ClientTlsContext? Context, TlsStats Stats, HandshakeLog? Failures)
{
    /// <summary>Counts connections that fail because a secret has not come.</summary>
    public required Counter SecretsNotReady { get; init; }
}

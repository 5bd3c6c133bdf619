using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>TLS of a filter chain; shared by all workers.</summary>
/// <param name="Context">Settings of our side; null while a secret is missing, and then connections are closed.</param>
/// <param name="Config">The same as configured.</param>
/// <param name="Stats">The listener's counters of TLS.</param>
/// <param name="Failures">Told of handshakes that fail.</param>
/// <param name="Resource">What set the demands, for people.</param>
internal sealed record DownstreamTls(ServerTlsContext? Context, DownstreamTlsConfig Config, TlsStats Stats, HandshakeLog Failures, string Resource)
{
    /// <summary>Connections that were closed for want of a secret.</summary>
    public required Counter SecretsNotReady { get; init; }
}

using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>TLS of a filter chain; shared by all workers.</summary>
/// <param name="Context">Settings of our side.</param>
/// <param name="Stats">The listener's counters of TLS.</param>
/// <param name="Failures">Told of handshakes that fail.</param>
/// <param name="Resource">What set the demands, for people.</param>
internal sealed record DownstreamTls(ServerTlsContext Context, TlsStats Stats, HandshakeLog Failures, string Resource);

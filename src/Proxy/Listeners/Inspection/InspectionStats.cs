using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Listeners.Inspection;

/// <summary>Statistics of the listener filters under Envoy's names (Envoy documentation, "TLS Inspector" and "HTTP Inspector"), which count for all listeners together.</summary>
internal sealed class InspectionStats(StatRegistry registry)
{
    public Counter TlsConnectionClosed { get; } = registry.Counter("tls_inspector.connection_closed");

    public Counter TlsReadError { get; } = registry.Counter("tls_inspector.read_error");

    public Counter ClientHelloTooLarge { get; } = registry.Counter("tls_inspector.client_hello_too_large");

    public Counter TlsFound { get; } = registry.Counter("tls_inspector.tls_found");

    public Counter TlsNotFound { get; } = registry.Counter("tls_inspector.tls_not_found");

    public Counter AlpnFound { get; } = registry.Counter("tls_inspector.alpn_found");

    public Counter AlpnNotFound { get; } = registry.Counter("tls_inspector.alpn_not_found");

    public Counter SniFound { get; } = registry.Counter("tls_inspector.sni_found");

    public Counter SniNotFound { get; } = registry.Counter("tls_inspector.sni_not_found");

    /// <summary>Bytes of the connections up to the verdict.</summary>
    public Histogram BytesProcessed { get; } = registry.Histogram("tls_inspector.bytes_processed");

    public Counter HttpReadError { get; } = registry.Counter("http_inspector.read_error");

    public Counter Http10Found { get; } = registry.Counter("http_inspector.http10_found");

    public Counter Http11Found { get; } = registry.Counter("http_inspector.http11_found");

    public Counter Http2Found { get; } = registry.Counter("http_inspector.http2_found");

    public Counter HttpNotFound { get; } = registry.Counter("http_inspector.http_not_found");
}

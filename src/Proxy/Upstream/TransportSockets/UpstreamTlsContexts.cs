using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Upstream.TransportSockets;

/// <summary>The TLS contexts of a cluster, one for each setting. Never changes; a new secret makes new ones.</summary>
internal sealed class UpstreamTlsContexts
{
    private readonly Dictionary<UpstreamTlsConfig, UpstreamTls> _bySettings;

    private UpstreamTlsContexts(ClusterTransportSockets sockets, Dictionary<UpstreamTlsConfig, UpstreamTls> bySettings)
    {
        Sockets = sockets;
        _bySettings = bySettings;
    }

    /// <summary>Plain text to all endpoints.</summary>
    public static UpstreamTlsContexts None { get; } = new(ClusterTransportSockets.PlainText, []);

    /// <summary>The settings.</summary>
    public ClusterTransportSockets Sockets { get; }

    /// <summary>Contexts for other settings; what stays as it was keeps its context.</summary>
    /// <param name="sockets">The settings.</param>
    /// <param name="make">Makes what is new. Where it throws, these contexts are as they were.</param>
    public UpstreamTlsContexts For(ClusterTransportSockets sockets, Func<UpstreamTlsConfig, UpstreamTls> make) => sockets == Sockets
        ? this
        : new(
            sockets,
            sockets.Matches.Select(static match => match.Tls).Append(sockets.Default).OfType<UpstreamTlsConfig>().Distinct()
                .ToDictionary(static tls => tls, tls => _bySettings.GetValueOrDefault(tls) ?? make(tls)));

    /// <summary>How an endpoint is spoken to; null for plain text.</summary>
    public UpstreamTls? Of(EndpointConfig endpoint) => Sockets.Of(endpoint) is { } tls ? _bySettings[tls] : null;
}

using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Proxy.Upstream.HealthChecking;

namespace KubeProxyNet.Proxy.Upstream.TransportSockets;

/// <summary>The TLS contexts of a cluster, one for each setting. Never changes; a new secret makes new ones.</summary>
internal sealed class UpstreamTlsContexts
{
    private readonly Dictionary<UpstreamTlsConfig, UpstreamTls> _bySettings;
    private readonly HealthCheckConfig? _check;

    private UpstreamTlsContexts(ClusterTransportSockets sockets, HealthCheckConfig? check, Dictionary<UpstreamTlsConfig, UpstreamTls> bySettings)
    {
        Sockets = sockets;
        _check = check;
        _bySettings = bySettings;
    }

    /// <summary>Plain text to all endpoints.</summary>
    public static UpstreamTlsContexts None { get; } = new(ClusterTransportSockets.PlainText, null, []);

    /// <summary>The settings.</summary>
    public ClusterTransportSockets Sockets { get; }

    /// <summary>Contexts for other settings; what stays as it was keeps its context.</summary>
    /// <param name="sockets">The settings.</param>
    /// <param name="check">The cluster's active health checks; null for none.</param>
    /// <param name="make">Makes what is new. Where it throws, these contexts are as they were.</param>
    public UpstreamTlsContexts For(ClusterTransportSockets sockets, HealthCheckConfig? check, Func<UpstreamTlsConfig, UpstreamTls> make)
    {
        if (sockets == Sockets && check == _check)
        {
            return this;
        }

        var all = check is null ? sockets.All : sockets.All.Concat(sockets.All.Select(tls => ClusterTransportSockets.ForChecks(tls, check)));
        return new(sockets, check, all.Distinct().ToDictionary(static tls => tls, tls => _bySettings.GetValueOrDefault(tls) ?? make(tls)));
    }

    /// <summary>How an endpoint is spoken to; null for plain text.</summary>
    public UpstreamTls? Of(EndpointConfig endpoint) => Sockets.Of(endpoint) is { } tls ? _bySettings[tls] : null;

    /// <summary>How an endpoint is spoken to when it is checked; null for plain text, and without checks.</summary>
    public UpstreamTls? OfChecks(EndpointConfig endpoint) => _check is { } check && Sockets.Of(endpoint, check) is { } tls ? _bySettings[tls] : null;
}

using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Upstream.TransportSockets;

/// <summary>TLS to some endpoints of a cluster: one for each distinct setting, shared by the endpoints that it is for, over updates that do not change it.</summary>
internal sealed class UpstreamTls(UpstreamTlsConfig config)
{
    /// <summary>The settings, with secrets in place.</summary>
    public UpstreamTlsConfig Config { get; } = config;
}

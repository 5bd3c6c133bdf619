using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns transport sockets into the settings of TLS.</summary>
internal static class TransportSocketTranslator
{
    /// <summary>TLS towards clients; null for plain text.</summary>
    /// <param name="socket">The socket; null for the default, which is plain text.</param>
    /// <param name="problems">Where faults go.</param>
    /// <param name="path">Of the socket.</param>
    public static DownstreamTlsConfig? Downstream(TransportSocket? socket, TranslationProblems problems, ConfigPath path)
    {
        if (socket is not null && socket.TypedConfig?.TypeUrl.EndsWith(".RawBuffer", StringComparison.Ordinal) != true)
        {
            problems.Add(path, "only plain text listeners are supported", "remove it, or use raw_buffer");
        }

        return null;
    }
}

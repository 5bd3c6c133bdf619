using KubeProxyNet.Proxy.Tls;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>What connections of HTTP offer by ALPN where the transport socket names nothing itself: as in Envoy what they are going to speak.</summary>
internal static class UpstreamAlpn
{
    /// <summary>The list, as <see cref="AlpnList"/> writes it.</summary>
    /// <param name="protocol">Of the cluster.</param>
    /// <param name="clientSpeaksHttp2">True where the request came by HTTP/2.</param>
    public static byte[] Of(UpstreamProtocol protocol, bool clientSpeaksHttp2) => protocol switch
    {
        UpstreamProtocol.Http2 => AlpnList.Http2,
        UpstreamProtocol.Auto => AlpnList.Http2OrHttp1,
        UpstreamProtocol.Downstream when clientSpeaksHttp2 => AlpnList.Http2,
        _ => AlpnList.Http1,
    };
}

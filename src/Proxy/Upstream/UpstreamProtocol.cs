namespace KubeProxyNet.Proxy.Upstream;

/// <summary>The version of HTTP that a cluster's endpoints are spoken to in (Envoy's <c>HttpProtocolOptions</c>).</summary>
public enum UpstreamProtocol
{
    /// <summary>HTTP/1.1.</summary>
    Http1,

    /// <summary>HTTP/2, by prior knowledge in plain text and by ALPN over TLS.</summary>
    Http2,

    /// <summary>What ALPN agrees on (<c>auto_config</c>); HTTP/1.1 where the endpoint does not say.</summary>
    Auto,

    /// <summary>What the client speaks (<c>use_downstream_protocol_config</c>).</summary>
    Downstream,
}

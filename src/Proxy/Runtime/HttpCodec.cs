namespace KubeProxyNet.Proxy.Runtime;

/// <summary>The version of HTTP that a connection manager expects of clients (Envoy's <c>codec_type</c>).</summary>
public enum HttpCodec
{
    /// <summary>What ALPN agreed on; without it HTTP/2 where the connection begins with its preface (RFC 9113 section 3.4), HTTP/1 otherwise.</summary>
    Auto,

    /// <summary>HTTP/1 always.</summary>
    Http1,

    /// <summary>HTTP/2 always.</summary>
    Http2,
}

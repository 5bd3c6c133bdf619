namespace KubeProxyNet.Proxy.Upstream;

/// <summary>How a stream to an endpoint was lost before its response was whole: Envoy's <c>StreamResetReason</c>, as far as the endpoint's side goes.</summary>
internal enum StreamLoss : byte
{
    /// <summary>Its connection ended, in order or not.</summary>
    ConnectionEnded,

    /// <summary>The endpoint reset it, and may have processed the request.</summary>
    Reset,

    /// <summary>The endpoint refused the stream and has certainly not begun to process the request, so that sending it elsewhere does no harm (RFC 9113 section 8.7).</summary>
    Refused,

    /// <summary>The connection went away before the endpoint began to process the request, or before it was sent at all: sending it on another one does no harm.</summary>
    LeftBehind,

    /// <summary>The endpoint broke the rules of HTTP/2, on the stream or on its connection.</summary>
    Violation,
}

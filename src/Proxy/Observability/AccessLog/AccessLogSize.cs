namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>Counts of bytes of an exchange. "Wire" is everything that the exchange moved on a connection, with framing.</summary>
public enum AccessLogSize
{
    /// <summary>Names and values of the request's headers.</summary>
    RequestHeaders,

    /// <summary>Names and values of the response's headers.</summary>
    ResponseHeaders,

    /// <summary>Heads received from the client.</summary>
    DownstreamHeadersReceived,

    /// <summary>Heads sent to the client, interim ones included.</summary>
    DownstreamHeadersSent,

    /// <summary>Everything received from the client; pipelined requests behind this one are not counted.</summary>
    DownstreamWireReceived,

    /// <summary>Everything sent to the client.</summary>
    DownstreamWireSent,

    /// <summary>Heads received from the endpoint, interim ones included.</summary>
    UpstreamHeadersReceived,

    /// <summary>The head sent to the endpoint.</summary>
    UpstreamHeadersSent,

    /// <summary>Everything received from the endpoint, in the last attempt.</summary>
    UpstreamWireReceived,

    /// <summary>Everything sent to the endpoint, in the last attempt.</summary>
    UpstreamWireSent,
}

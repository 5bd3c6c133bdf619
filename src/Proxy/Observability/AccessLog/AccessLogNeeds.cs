namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>What a format or a filter reads that costs something to keep until the exchange has ended. What nothing reads is not kept.</summary>
[Flags]
public enum AccessLogNeeds
{
    /// <summary>Only what is noted anyway.</summary>
    None = 0,

    /// <summary>The request's headers as they went upstream.</summary>
    RequestHead = 1,

    /// <summary>The response's headers as they went to the client.</summary>
    ResponseHead = 2,

    /// <summary>Our address on the upstream connection: one system call a connection.</summary>
    UpstreamLocalAddress = 4,

    /// <summary>What TLS with the endpoint found out: kept beyond the end of its connection.</summary>
    UpstreamTls = 8,

    /// <summary>The response's trailers as they went to the client.</summary>
    ResponseTrailers = 16,
}

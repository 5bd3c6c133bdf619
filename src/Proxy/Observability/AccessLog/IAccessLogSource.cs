using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// What a format can say about one request. Values are read on the worker while the request is being finished, so spans need to live no
/// longer than until the next call. An empty span or a null means "none"; it shows as <c>-</c> in text and as <c>null</c> in JSON.
/// </summary>
public interface IAccessLogSource
{
    /// <summary>When the first byte of the request arrived; shown in UTC.</summary>
    DateTimeOffset StartTime { get; }

    /// <summary>Now.</summary>
    DateTimeOffset EmitTime { get; }

    /// <summary>Protocol of the client's side, <c>HTTP/1.1</c>.</summary>
    ReadOnlySpan<byte> Protocol { get; }

    /// <summary>Protocol of the upstream's side; none where no connection was had.</summary>
    ReadOnlySpan<byte> UpstreamProtocol { get; }

    /// <summary>Status of the response; 0 where no response was begun.</summary>
    int ResponseCode { get; }

    /// <summary>Who set the response and why (<c>via_upstream</c>, <c>route_not_found</c>).</summary>
    ReadOnlySpan<byte> ResponseCodeDetails { get; }

    /// <summary>What happened besides the status.</summary>
    ResponseFlags ResponseFlags { get; }

    /// <summary>Body of a response that the proxy made up itself; empty for any other.</summary>
    ReadOnlySpan<byte> LocalReplyBody { get; }

    /// <summary>Body bytes from the client.</summary>
    long BytesReceived { get; }

    /// <summary>Body bytes to the client.</summary>
    long BytesSent { get; }

    /// <summary>Milliseconds from the start of the request until now, when the last byte is out.</summary>
    long DurationMs { get; }

    /// <summary>Milliseconds from the choice of an endpoint until a connection to it was ready; 0 for a kept one, null where none was had.</summary>
    long? PoolReadyMs { get; }

    /// <summary>Address and port of the endpoint, <c>10.0.0.1:80</c> or <c>[::1]:80</c>.</summary>
    ReadOnlySpan<byte> UpstreamHost { get; }

    /// <summary>The endpoint's host name; its address and port where it has none.</summary>
    ReadOnlySpan<byte> UpstreamHostName { get; }

    /// <summary>The endpoint's address on the connection; none where no connection was had.</summary>
    ReadOnlySpan<byte> UpstreamRemoteAddress { get; }

    /// <summary>Name of the upstream cluster for statistics and logs: its <c>alt_stat_name</c> where it has one.</summary>
    ReadOnlySpan<byte> UpstreamCluster { get; }

    /// <summary>Name of the upstream cluster.</summary>
    ReadOnlySpan<byte> UpstreamClusterRaw { get; }

    /// <summary>Our address and port on the upstream connection.</summary>
    ReadOnlySpan<byte> UpstreamLocalAddress { get; }

    /// <summary>Why the upstream connection's transport (TCP connect) failed.</summary>
    ReadOnlySpan<byte> UpstreamTransportFailureReason { get; }

    /// <summary>True where the endpoint reset the connection.</summary>
    bool IsUpstreamReset { get; }

    /// <summary>Number of the upstream connection, unique in this process; 0 where there was none.</summary>
    long UpstreamConnectionId { get; }

    /// <summary>How often the request was sent to an upstream; 0 where it never was.</summary>
    int UpstreamRequestAttemptCount { get; }

    /// <summary>How many times an endpoint was chosen; the index of the members below ends before it.</summary>
    int AttemptedHosts { get; }

    /// <summary>The client's address and port as inferred from <c>x-forwarded-for</c> where that is trusted.</summary>
    ReadOnlySpan<byte> DownstreamRemoteAddress { get; }

    /// <summary>Address and port of the connection's peer.</summary>
    ReadOnlySpan<byte> DownstreamDirectRemoteAddress { get; }

    /// <summary>Our address and port on the client's connection.</summary>
    ReadOnlySpan<byte> DownstreamLocalAddress { get; }

    /// <summary>True where the client reset the connection.</summary>
    bool IsDownstreamReset { get; }

    /// <summary>Name of the route that matched.</summary>
    ReadOnlySpan<byte> RouteName { get; }

    /// <summary>Name of the virtual cluster that counts the request.</summary>
    ReadOnlySpan<byte> VirtualClusterName => default;

    /// <summary>Name of the filter chain that took the connection.</summary>
    ReadOnlySpan<byte> FilterChainName { get; }

    /// <summary>What is known of TLS with the client, or with the endpoint; null for nothing.</summary>
    string? TlsText(TlsFact fact, bool isUpstream) => null;

    /// <summary>First or last moment of the validity of the peer's certificate; null where there is none.</summary>
    DateTimeOffset? PeerCertificateDate(bool isUpstream, bool isEnd) => null;

    /// <summary>The name that the client asked for by TLS (SNI), in lower case.</summary>
    ReadOnlySpan<byte> RequestedServerName => default;

    /// <summary>Number of the client's connection, unique in this process.</summary>
    long ConnectionId { get; }

    /// <summary>Identity of the request: the value of <c>x-request-id</c>.</summary>
    ReadOnlySpan<byte> StreamId { get; }

    /// <summary>A random number, a new one each time.</summary>
    ulong NextRandom();

    /// <summary>The runtime as the exchange sees it.</summary>
    RuntimeValues RuntimeValues { get; }

    /// <summary>The moment in milliseconds on a clock of its own; null where it has not come.</summary>
    long? MillisecondsAt(AccessLogTime time);

    /// <summary>A count of bytes; 0 where nothing was moved.</summary>
    long SizeOf(AccessLogSize size);

    /// <summary>Address and port of an endpoint that was chosen.</summary>
    ReadOnlySpan<byte> AttemptedHost(int index);

    /// <summary>Host name of an endpoint that was chosen; its address and port where it has none.</summary>
    ReadOnlySpan<byte> AttemptedHostName(int index);

    /// <summary>Number of the connection of an attempt; 0 where none was had.</summary>
    long AttemptedConnectionId(int index);

    /// <summary>A request header by lower-case name; also answers <c>:method</c>, <c>:path</c>, <c>:authority</c>, <c>:scheme</c>.</summary>
    bool TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);

    /// <summary>A header of the response as sent to the client, by lower-case name; also answers <c>:status</c>.</summary>
    bool TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);

    /// <summary>A trailer of the response, by lower-case name.</summary>
    bool TryGetResponseTrailer(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return false;
    }
}

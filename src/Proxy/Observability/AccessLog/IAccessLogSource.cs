namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary>
/// What a format can say about one request. Values are read on the worker while the request is being finished, so spans need to live no
/// longer than the call. An empty span or a null means "none"; it shows as <c>-</c> in text and as <c>null</c> in JSON.
/// </summary>
public interface IAccessLogSource
{
    /// <summary>When the first byte of the request arrived; shown in UTC.</summary>
    DateTimeOffset StartTime { get; }

    /// <summary>Protocol of the client's side, <c>HTTP/1.1</c>.</summary>
    ReadOnlySpan<byte> Protocol { get; }

    /// <summary>Status of the response; 0 where no response was begun.</summary>
    int ResponseCode { get; }

    /// <summary>Who set the response and why (<c>via_upstream</c>, <c>route_not_found</c>).</summary>
    ReadOnlySpan<byte> ResponseCodeDetails { get; }

    /// <summary>What happened besides the status.</summary>
    ResponseFlags ResponseFlags { get; }

    /// <summary>Body bytes from the client.</summary>
    long BytesReceived { get; }

    /// <summary>Body bytes to the client.</summary>
    long BytesSent { get; }

    /// <summary>From the start to the last byte out.</summary>
    TimeSpan? Duration { get; }

    /// <summary>From the start to the last byte of the request from the client.</summary>
    TimeSpan? RequestDuration { get; }

    /// <summary>From the start to the last byte of the request sent to the upstream.</summary>
    TimeSpan? RequestTxDuration => null;

    /// <summary>From the start to the first byte of the upstream's response.</summary>
    TimeSpan? ResponseDuration { get; }

    /// <summary>From the first byte of the upstream's response to the last byte sent to the client.</summary>
    TimeSpan? ResponseTxDuration { get; }

    /// <summary>Address and port of the endpoint, <c>10.0.0.1:80</c> or <c>[::1]:80</c>.</summary>
    ReadOnlySpan<byte> UpstreamHost { get; }

    /// <summary>Name of the upstream cluster.</summary>
    ReadOnlySpan<byte> UpstreamCluster { get; }

    /// <summary>Our address and port on the upstream connection.</summary>
    ReadOnlySpan<byte> UpstreamLocalAddress { get; }

    /// <summary>Why the upstream connection's transport (TLS, TCP connect) failed.</summary>
    ReadOnlySpan<byte> UpstreamTransportFailureReason => default;

    /// <summary>How often the request was sent to an upstream; 0 where it never was.</summary>
    int UpstreamRequestAttemptCount => 0;

    /// <summary>The client's address and port as inferred from <c>x-forwarded-for</c> where that is trusted.</summary>
    ReadOnlySpan<byte> DownstreamRemoteAddress { get; }

    /// <summary>Address and port of the connection's peer.</summary>
    ReadOnlySpan<byte> DownstreamDirectRemoteAddress { get; }

    /// <summary>Our address and port on the client's connection.</summary>
    ReadOnlySpan<byte> DownstreamLocalAddress { get; }

    /// <summary>Name of the route that matched.</summary>
    ReadOnlySpan<byte> RouteName { get; }

    /// <summary>The SNI of the client's TLS handshake.</summary>
    ReadOnlySpan<byte> RequestedServerName => default;

    /// <summary>Why we ended the client's connection.</summary>
    ReadOnlySpan<byte> ConnectionTerminationDetails => default;

    /// <summary>Number of the client's connection, unique in this process.</summary>
    long ConnectionId { get; }

    /// <summary>Identity of the request; usually the value of <c>x-request-id</c>.</summary>
    ReadOnlySpan<byte> StreamId => default;

    /// <summary>A request header by lower-case name; also answers <c>:method</c>, <c>:path</c>, <c>:authority</c>, <c>:scheme</c>.</summary>
    bool TryGetRequestHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);

    /// <summary>A header of the response as sent to the client, by lower-case name.</summary>
    bool TryGetResponseHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
}

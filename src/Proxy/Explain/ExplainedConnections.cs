using System.Globalization;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Explain;

/// <summary>How the endpoints of a cluster are spoken to, and what holds of connections to them.</summary>
public sealed record ExplainedConnections
{
    /// <summary>The version of HTTP, or what decides on it: <c>HTTP/1.1</c>, <c>HTTP/2</c>, <c>by ALPN</c>, <c>as the client</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary>Longest wait for a connection, in milliseconds.</summary>
    public required long ConnectTimeoutMs { get; init; }

    /// <summary>How long an unused connection is kept, in milliseconds; 0 for ever.</summary>
    public required long IdleTimeoutMs { get; init; }

    /// <summary>How long a connection lives, in milliseconds; 0 for ever.</summary>
    public long MaxDurationMs { get; init; }

    /// <summary>How long a request on a connection may take, response and all, in milliseconds; 0 for ever.</summary>
    public long MaxStreamDurationMs { get; init; }

    /// <summary>Requests after which a connection is closed; 0 for no limit.</summary>
    public int MaxRequests { get; init; }

    /// <summary>Settings of connections that speak HTTP/2; null where none may.</summary>
    public ExplainedHttp2? Http2 { get; init; }

    /// <summary>What a cluster's settings say.</summary>
    internal static ExplainedConnections Of(ClusterConfig config) => new()
    {
        Protocol = config.Protocol switch
        {
            UpstreamProtocol.Http2 => "HTTP/2",
            UpstreamProtocol.Auto => "by ALPN",
            UpstreamProtocol.Downstream => "as the client",
            _ => "HTTP/1.1",
        },
        ConnectTimeoutMs = Milliseconds(config.ConnectTimeout),
        IdleTimeoutMs = Milliseconds(config.IdleTimeout),
        MaxDurationMs = Milliseconds(config.MaxConnectionDuration),
        MaxStreamDurationMs = Milliseconds(config.MaxStreamDuration),
        MaxRequests = config.MaxRequestsPerConnection,
        Http2 = config.Protocol == UpstreamProtocol.Http1 ? null : ExplainedHttp2.Of(config.Http2),
    };

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;

    /// <summary>A line for people.</summary>
    internal string ToText()
    {
        var protocol = Protocol switch
        {
            "by ALPN" => "HTTP/2 or HTTP/1.1, as ALPN agrees",
            "as the client" => "HTTP/2 or HTTP/1.1, as the client speaks",
            _ => Protocol,
        };
        var life = string.Concat(
            IdleTimeoutMs > 0 ? Text($", kept {IdleTimeoutMs} ms unused") : ", kept for ever",
            MaxDurationMs > 0 ? Text($", for {MaxDurationMs} ms at most") : "",
            MaxRequests > 0 ? Text($", for {MaxRequests} requests at most") : "",
            MaxStreamDurationMs > 0 ? Text($", each of {MaxStreamDurationMs} ms at most") : "");
        return Text($"{protocol}; connections within {ConnectTimeoutMs} ms{life}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Settings in force on connections that speak HTTP/2.</summary>
public sealed record ExplainedHttp2
{
    /// <summary>Streams at once on a connection, where the endpoint does not allow fewer.</summary>
    public required int MaxConcurrentStreams { get; init; }

    /// <summary>Window that a stream begins with, in bytes.</summary>
    public required int InitialStreamWindow { get; init; }

    /// <summary>Window that a stream may grow to, in bytes.</summary>
    public required int MaxStreamWindow { get; init; }

    /// <summary>Window of a connection, in bytes.</summary>
    public required int InitialConnectionWindow { get; init; }

    /// <summary>Bytes that the endpoint's encoder may use.</summary>
    public required int HpackTableSize { get; init; }

    /// <summary>Between PING frames, in milliseconds; 0 where none are sent on a connection in use.</summary>
    public long KeepaliveIntervalMs { get; init; }

    /// <summary>What the options say.</summary>
    internal static ExplainedHttp2 Of(Http2Options options) => new()
    {
        MaxConcurrentStreams = options.MaxConcurrentStreams,
        InitialStreamWindow = options.InitialStreamWindow,
        MaxStreamWindow = options.MaxStreamWindow,
        InitialConnectionWindow = options.InitialConnectionWindow,
        HpackTableSize = options.HpackTableSize,
        KeepaliveIntervalMs = (options.Keepalive?.Interval?.Ticks ?? 0) / TimeSpan.TicksPerMillisecond,
    };

    /// <summary>A line for people.</summary>
    internal string ToText()
    {
        var growth = MaxStreamWindow > InitialStreamWindow ? FormattableString.Invariant($" (up to {MaxStreamWindow})") : "";
        var ping = KeepaliveIntervalMs > 0 ? FormattableString.Invariant($", PING every {KeepaliveIntervalMs} ms") : "";
        return FormattableString.Invariant(
            $"HTTP/2: {MaxConcurrentStreams} streams a connection at most, windows of {InitialStreamWindow}{growth} bytes a stream and {InitialConnectionWindow} a connection{ping}");
    }
}

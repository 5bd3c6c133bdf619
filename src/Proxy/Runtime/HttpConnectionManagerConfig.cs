using System.Collections.Immutable;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime.LogFilters;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What becomes of the Server header of responses: Envoy's <c>server_header_transformation</c>.</summary>
public enum ServerHeaderTransformation
{
    /// <summary>Always ours.</summary>
    Overwrite,

    /// <summary>Ours where the upstream sent none.</summary>
    AppendIfAbsent,

    /// <summary>As the upstream sent it.</summary>
    PassThrough,
}

/// <summary>Settings of one HTTP connection manager. Names, units and defaults are Envoy's unless noted.</summary>
public sealed record HttpConnectionManagerConfig
{
    /// <summary>Prefix of statistics: <c>http.PREFIX.</c></summary>
    public required string StatPrefix { get; init; }

    /// <summary>Routes that are part of the listener; null where <see cref="RouteConfigName"/> names them.</summary>
    public RouteTable? InlineRoutes { get; init; }

    /// <summary>Name of a route configuration that discovery delivers; null where the routes are inline.</summary>
    public string? RouteConfigName { get; init; }

    /// <summary>True to take the connection's address for the client's, and to append it to <c>x-forwarded-for</c>; false by default.</summary>
    public bool UseRemoteAddress { get; init; }

    /// <summary>True to leave <c>x-forwarded-for</c> as it is.</summary>
    public bool SkipXffAppend { get; init; }

    /// <summary>True (the default) to give a request without <c>x-request-id</c> one.</summary>
    public bool GenerateRequestId { get; init; } = true;

    /// <summary>True to keep the <c>x-request-id</c> of a request from outside.</summary>
    public bool PreserveExternalRequestId { get; init; }

    /// <summary>True to send <c>x-request-id</c> back in every response.</summary>
    public bool AlwaysSetRequestIdInResponse { get; init; }

    /// <summary>Value of the Server header: Envoy says "envoy", we say "kpn" unless configured.</summary>
    public string ServerName { get; init; } = "kpn";

    /// <summary>What becomes of the Server header of responses.</summary>
    public ServerHeaderTransformation ServerHeader { get; init; }

    /// <summary>True to serve HTTP/1.0; otherwise such requests get 426, as in Envoy.</summary>
    public bool AcceptHttp10 { get; init; }

    /// <summary>Host of an HTTP/1.0 request without one; empty to refuse it.</summary>
    public string DefaultHostForHttp10 { get; init; } = "";

    /// <summary>True to leave out <c>x-envoy-*</c> headers: the router's <c>suppress_envoy_headers</c>.</summary>
    public bool SuppressEnvoyHeaders { get; init; }

    /// <summary>Longest wait for the next request on a connection; 1 h.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>From the first byte of a head to its last; Envoy has none by default, here it is 10 s. Zero for none.</summary>
    public TimeSpan RequestHeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>From the first byte of a request to its last; zero (the default) for none.</summary>
    public TimeSpan RequestTimeout { get; init; }

    /// <summary>Longest time without a byte in either direction during an exchange; 5 min, zero for none.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest life of a connection; zero (the default) for none.</summary>
    public TimeSpan MaxConnectionDuration { get; init; }

    /// <summary>Longest life of an exchange; zero (the default) for none.</summary>
    public TimeSpan MaxStreamDuration { get; init; }

    /// <summary>How long a connection that has reached its longest life still waits for a request, which is then told to close; 5 s.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Kinds of upgrade that are served, and CONNECT; none by default. A route's own word goes first.</summary>
    public ImmutableArray<UpgradeConfig> Upgrades { get; init; } = [];

    /// <summary>How long a connection that is being closed is still read from, so that the peer sees the answer; 1 s.</summary>
    public TimeSpan DelayedCloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest request head in bytes; 60 KiB.</summary>
    public int MaxRequestHeadBytes { get; init; } = 60 * 1024;

    /// <summary>Most header fields of a request; 100.</summary>
    public int MaxRequestFields { get; init; } = 100;

    /// <summary>Requests after which a connection is closed; 0 for no limit.</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>Name of the filter chain that holds this connection manager, for the log; may be empty.</summary>
    public string FilterChainName { get; init; } = "";

    /// <summary>Where and how exchanges are logged.</summary>
    public ImmutableArray<AccessLogConfig> AccessLogs { get; init; } = [];
}

/// <summary>One access log.</summary>
/// <param name="Path">File to append to; <c>/dev/stdout</c> and <c>/dev/stderr</c> are known.</param>
/// <param name="Format">What a record looks like.</param>
/// <param name="Filter">Which exchanges are recorded; null for all.</param>
public sealed record AccessLogConfig(string Path, AccessLogFormat Format, AccessLogFilter? Filter = null);

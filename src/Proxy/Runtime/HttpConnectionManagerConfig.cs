using System.Collections.Immutable;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Runtime.LogFilters;
using KubeProxyNet.Proxy.Transport;

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

    /// <summary>The version of HTTP that clients speak.</summary>
    public HttpCodec Codec { get; init; }

    /// <summary>Settings of connections that speak HTTP/2.</summary>
    public Http2Options Http2 { get; init; } = new();

    /// <summary>Routes that are part of the listener; null where <see cref="RouteConfigName"/> names them.</summary>
    public RouteTable? InlineRoutes { get; init; }

    /// <summary>Name of a route configuration that discovery delivers; null where the routes are inline.</summary>
    public string? RouteConfigName { get; init; }

    /// <summary>True to take the connection's address for the client's, and to append it to <c>x-forwarded-for</c>; false by default.</summary>
    public bool UseRemoteAddress { get; init; }

    /// <summary>
    /// Trusted proxies in front, counted from the right end of <c>x-forwarded-for</c>; 0 by default. With <see cref="UseRemoteAddress"/> the
    /// peer is the first of them. Excludes <see cref="OriginalIpDetections"/>.
    /// </summary>
    public uint XffNumTrustedHops { get; init; }

    /// <summary>True to leave <c>x-forwarded-for</c> as it is.</summary>
    public bool SkipXffAppend { get; init; }

    /// <summary>
    /// How the client is found without <see cref="UseRemoteAddress"/>, which excludes them: the first that finds one wins. Empty (the default)
    /// for <c>x-forwarded-for</c> with <see cref="XffNumTrustedHops"/>.
    /// </summary>
    public ImmutableArray<OriginalIpDetection> OriginalIpDetections { get; init; } = [];

    /// <summary>Clients that may set <c>x-envoy-*</c> headers; none by default, as in Envoy since 1.33.</summary>
    public ImmutableArray<CidrRange> InternalAddresses { get; init; } = [];

    /// <summary>True where clients of Unix domain sockets are internal; false by default.</summary>
    public bool UnixSocketsAreInternal { get; init; }

    /// <summary>True to normalise paths (RFC 3986); false by default.</summary>
    public bool NormalizePath { get; init; }

    /// <summary>True to make one slash of several in a path; false by default.</summary>
    public bool MergeSlashes { get; init; }

    /// <summary>What becomes of a path with an escaped slash or backslash.</summary>
    public EscapedSlashesAction PathWithEscapedSlashes { get; init; }

    /// <summary>What becomes of header names with underscores.</summary>
    public HeadersWithUnderscoresAction HeadersWithUnderscores { get; init; }

    /// <summary>Which port is taken off Host before it is matched and forwarded.</summary>
    public StripPortMode StripHostPort { get; init; }

    /// <summary>True to take the trailing dot off Host before it is matched and forwarded.</summary>
    public bool StripTrailingHostDot { get; init; }

    /// <summary>What is added to the Via header of requests and responses, such as <c>1.1 edge</c> (RFC 9110 §7.6.3); empty (the default) for nothing.</summary>
    public string Via { get; init; } = "";

    /// <summary>"http" or "https" to say so upstream and in redirects whatever the connection is: Envoy's <c>scheme_to_overwrite</c>; empty (the default) not to.</summary>
    public string SchemeToOverwrite { get; init; } = "";

    /// <summary>What upstreams are told of the client's certificate.</summary>
    public ClientCertificateForwarding ClientCertificate { get; init; } = ClientCertificateForwarding.None;

    /// <summary>True to leave <c>Expect: 100-continue</c> to the upstream; otherwise it is met here.</summary>
    public bool Proxy100Continue { get; init; }

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

    /// <summary>True to carry the fields behind chunked bodies of HTTP/1.1, of requests and responses: <c>enable_trailers</c>. False (the default) to drop them.</summary>
    public bool EnablesTrailers { get; init; }

    /// <summary>True to leave out <c>x-envoy-*</c> headers: the router's <c>suppress_envoy_headers</c>.</summary>
    public bool SuppressEnvoyHeaders { get; init; }

    /// <summary>True to count no response codes for calls of gRPC in clusters: the router's <c>suppress_grpc_request_failure_code_stats</c>.</summary>
    public bool SuppressGrpcCodeStats { get; init; }

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

    /// <summary>The HTTP filters before the router, in their order; none by default.</summary>
    public ImmutableArray<HttpFilterConfig> Filters { get; init; } = [];

    /// <summary>Where and how exchanges are logged.</summary>
    public ImmutableArray<AccessLogConfig> AccessLogs { get; init; } = [];
}

/// <summary>One access log.</summary>
/// <param name="Path">File to append to; <c>/dev/stdout</c> and <c>/dev/stderr</c> are known.</param>
/// <param name="Format">What a record looks like.</param>
/// <param name="Filter">Which exchanges are recorded; null for all.</param>
public sealed record AccessLogConfig(string Path, AccessLogFormat Format, AccessLogFilter? Filter = null);

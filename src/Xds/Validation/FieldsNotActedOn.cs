using System.Collections.Frozen;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// Fields that our messages declare but the data plane does not act on yet. A file that sets one is refused, so that nobody relies on what does
/// not happen; over the wire it is a warning. Whoever makes the data plane act on a field takes its line out. What is below a field that stands
/// here need not stand here too.
/// </summary>
internal static class FieldsNotActedOn
{
    private const string Balancing = "envoy.extensions.load_balancing_policies.";
    private const string Cluster = "envoy.config.cluster.v3.Cluster.";
    private const string Core = "envoy.config.core.v3.";
    private const string Endpoint = "envoy.config.endpoint.v3.";
    private const string Listener = "envoy.config.listener.v3.Listener.";
    private const string Route = "envoy.config.route.v3.";
    private const string ConnectionManager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.";
    private const string Router = "envoy.extensions.filters.http.router.v3.Router.";
    private const string Tls = "envoy.extensions.transport_sockets.tls.v3.";
    private const string UpstreamHttp = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.";

    /// <summary>By field: the values that it may have all the same, since they ask for what happens anyway.</summary>
    private static readonly FrozenDictionary<string, string[]> Fields = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {

        // There is no tracing, so nothing would ever be recorded.
        ["envoy.config.accesslog.v3.AccessLogFilter.traceable_filter"] = [],
        ["envoy.config.bootstrap.v3.Admin.access_log_path"] = ["/dev/null"],
        ["envoy.config.bootstrap.v3.Admin.profile_path"] = [],
        [Cluster + "cleanup_interval"] = [],
        [Cluster + "CommonLbConfig.close_connections_on_host_set_change"] = [],

        // Each update of endpoints is in force at once.
        [Cluster + "CommonLbConfig.update_merge_window"] = ["0s"],

        // There is one pool for each endpoint and worker, whatever comes; nothing could reach a limit.
        ["envoy.config.cluster.v3.CircuitBreakers.Thresholds.max_connection_pools"] = [],
        ["envoy.config.cluster.v3.UpstreamConnectionOptions.tcp_keepalive"] = [],
        [Core + "ApiConfigSource.cluster_names"] = [],
        [Core + "ApiConfigSource.rate_limit_settings"] = [],
        [Core + "ApiConfigSource.request_timeout"] = [],
        [Core + "ApiConfigSource.transport_api_version"] = ["V3"],
        [Core + "ConfigSource.resource_api_version"] = ["V3"],

        // Certificates are watched as a whole: watched_directory of what holds them.
        [Core + "DataSource.watched_directory"] = [],
        [Core + "GrpcService.EnvoyGrpc.authority"] = [],
        [Core + "GrpcService.EnvoyGrpc.max_receive_message_length"] = [],
        [Core + "GrpcService.EnvoyGrpc.retry_policy"] = [],
        [Core + "GrpcService.initial_metadata"] = [],
        [Core + "HealthCheck.alt_port"] = [],

        // METADATA is an extension of Envoy's; frames of it are passed over, as RFC 9113 section 5.5 says of what is not known.
        [Core + "Http2ProtocolOptions.allow_metadata"] = ["false"],
        [Core + "Http2ProtocolOptions.enable_huffman_encoding"] = ["true"],
        [Core + "SchemeHeaderTransformation.match_upstream"] = ["false"],
        [Core + "SocketAddress.named_port"] = [],
        [Core + "SocketAddress.resolver_name"] = [],
        [Endpoint + "ClusterLoadAssignment.Policy.drop_overloads"] = [],
        [Listener + "access_log"] = [],
        [Listener + "additional_addresses"] = [],
        [Listener + "bind_to_port"] = ["true"],
        [Listener + "drain_type"] = ["DEFAULT"],
        [Listener + "enable_reuse_port"] = ["true"],
        [Listener + "freebind"] = ["false"],
        [Listener + "max_connections_to_accept_per_socket_event"] = [],
        [Listener + "tcp_backlog_size"] = ["4096"],
        [Listener + "tcp_fast_open_queue_length"] = ["0"],
        [Listener + "tcp_keepalive"] = [],
        [Listener + "transparent"] = ["false"],

        // There is no tracing: a copy is as little sampled as its request.
        [Route + "RouteAction.RequestMirrorPolicy.trace_sampled"] = ["true", "false"],
        [Route + "RouteAction.UpgradeConfig.ConnectConfig.allow_post"] = ["false"],


        // No filter puts anything into a filter state: its hash would never be there.
        ["envoy.type.v3.HashPolicy.filter_state"] = [],

        // There is no filter state to put it into; logs have no %FILTER_STATE%.
        ["envoy.extensions.filters.http.grpc_stats.v3.FilterConfig.emit_filter_state"] = ["false"],

        // Its values would have to be text all of them; typed_json_format and log_format keep numbers, as is done here.
        ["envoy.extensions.access_loggers.file.v3.FileAccessLog.json_format"] = [],
        // A connection too many is closed at once.
        ["envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit.delay"] = ["0s"],

        // There is nothing yet that a fingerprint of a client would be shown by.
        ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.enable_ja3_fingerprinting"] = ["false"],
        ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.enable_ja4_fingerprinting"] = ["false"],
        [Router + "dynamic_stats"] = ["true"],
        [Router + "respect_expected_rq_timeout"] = [],
        [Router + "start_child_span"] = [],
        [Router + "strict_check_headers"] = [],
        [ConnectionManager + "access_log_options"] = [],
        [ConnectionManager + "append_x_forwarded_port"] = [],
        [Balancing + "least_request.v3.LeastRequest.enable_full_scan"] = ["false"],
        [Balancing + "least_request.v3.LeastRequest.selection_method"] = ["N_CHOICES"],
        [Tls + "DownstreamTlsContext.require_sni"] = ["false"],
        [Tls + "GenericSecret.secret"] = [],
        [Tls + "TlsParameters.compliance_policies"] = [],

        // The library renegotiates never, and takes a key for what its certificate says.
        [Tls + "UpstreamTlsContext.allow_renegotiation"] = ["false"],
        [Tls + "UpstreamTlsContext.enforce_rsa_key_usage"] = ["false"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>
    /// By field that holds a message which stands in several places: what of that message is acted on in this one, or may be set to this value
    /// alone. Everything else of it is not acted on here.
    /// </summary>
    private static readonly FrozenDictionary<string, string[]> Places = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        [Cluster + "common_http_protocol_options"] = ["idle_timeout", "max_connection_duration", "max_headers_count", "max_requests_per_connection", "max_response_headers_kb", "max_stream_duration"],
        [Cluster + "http_protocol_options"] = ["enable_trailers"],
        [ConnectionManager + "common_http_protocol_options"] =
        [
            "headers_with_underscores_action", "idle_timeout", "max_connection_duration", "max_headers_count", "max_requests_per_connection",
            "max_stream_duration",
        ],
        [ConnectionManager + "http_protocol_options"] =
        [
            "accept_http_10", "default_host_for_http_10", "enable_trailers", "allow_absolute_url=true", "allow_custom_methods=true",
            "override_stream_error_on_invalid_http_message=false",
        ],
        [UpstreamHttp + "common_http_protocol_options"] = ["idle_timeout", "max_connection_duration", "max_headers_count", "max_requests_per_connection", "max_response_headers_kb", "max_stream_duration"],
        [UpstreamHttp + "ExplicitHttpConfig.http_protocol_options"] = ["enable_trailers"],
        [UpstreamHttp + "UseDownstreamHttpConfig.http_protocol_options"] = ["enable_trailers"],
        [UpstreamHttp + "AutoHttpConfig.http_protocol_options"] = ["enable_trailers"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The values that a field may have although nothing acts on it, as text; null where the field is acted on or harmless as it is.</summary>
    /// <param name="field">Full name.</param>
    public static IReadOnlyList<string>? HarmlessValuesOf(string field) => Fields.GetValueOrDefault(field);

    /// <summary>What is acted on below a field: names, or name and value as <c>NAME=VALUE</c>; null where it makes no difference that it is below this one.</summary>
    /// <param name="field">Full name.</param>
    public static IReadOnlyList<string>? ActedOnBelow(string field) => Places.GetValueOrDefault(field);

    /// <summary>Every name of the tables, so that a test can hold them against the descriptors.</summary>
    internal static IEnumerable<string> All => Fields.Keys.Concat(Places.Keys);
}

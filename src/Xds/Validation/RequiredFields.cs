using System.Collections.Frozen;

namespace KubeProxyNet.Xds.Validation;

/// <summary>
/// The fields without which a message means nothing, by message: a text or list must not be empty, a message or oneof must be set.
/// Source: the validation rules of Envoy's API, plus what its loader refuses later.
/// </summary>
internal static class RequiredFields
{
    private static readonly FrozenDictionary<string, string[]> Table = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["envoy.config.accesslog.v3.AccessLog"] = ["config_type"],
        ["envoy.config.accesslog.v3.AccessLogFilter"] = ["filter_specifier"],
        ["envoy.config.accesslog.v3.AndFilter"] = ["filters"],
        ["envoy.config.accesslog.v3.ComparisonFilter"] = ["value"],
        ["envoy.config.accesslog.v3.DurationFilter"] = ["comparison"],
        ["envoy.config.accesslog.v3.HeaderFilter"] = ["header"],
        ["envoy.config.accesslog.v3.OrFilter"] = ["filters"],
        ["envoy.config.accesslog.v3.RuntimeFilter"] = ["runtime_key"],
        ["envoy.config.accesslog.v3.StatusCodeFilter"] = ["comparison"],
        ["envoy.config.cluster.v3.Cluster"] = ["name"],
        ["envoy.config.cluster.v3.Cluster.CustomClusterType"] = ["name"],
        ["envoy.config.cluster.v3.Cluster.EdsClusterConfig"] = ["eds_config"],
        ["envoy.config.cluster.v3.Cluster.RefreshRate"] = ["base_interval"],
        ["envoy.config.core.v3.Address"] = ["address"],
        ["envoy.config.core.v3.BackoffStrategy"] = ["base_interval"],
        ["envoy.config.core.v3.CidrRange"] = ["address_prefix"],
        ["envoy.config.core.v3.ConfigSource"] = ["config_source_specifier"],
        ["envoy.config.core.v3.DataSource"] = ["specifier"],
        ["envoy.config.core.v3.GrpcService"] = ["target_specifier"],
        ["envoy.config.core.v3.GrpcService.EnvoyGrpc"] = ["cluster_name"],
        ["envoy.config.core.v3.GrpcService.GoogleGrpc"] = ["target_uri"],
        ["envoy.config.core.v3.HeaderValue"] = ["key"],
        ["envoy.config.core.v3.HeaderValueOption"] = ["header"],
        ["envoy.config.core.v3.HealthCheck"] = ["timeout", "interval", "unhealthy_threshold", "healthy_threshold", "health_checker"],
        ["envoy.config.core.v3.HealthCheck.HttpHealthCheck"] = ["path"],
        ["envoy.config.core.v3.PathConfigSource"] = ["path"],
        ["envoy.config.core.v3.Pipe"] = ["path"],
        ["envoy.config.core.v3.RuntimeFractionalPercent"] = ["default_value"],
        ["envoy.config.core.v3.SocketAddress"] = ["address", "port_specifier"],
        ["envoy.config.core.v3.WatchedDirectory"] = ["path"],
        ["envoy.config.core.v3.SubstitutionFormatString"] = ["format"],
        ["envoy.config.core.v3.TransportSocket"] = ["name"],
        ["envoy.config.core.v3.TypedExtensionConfig"] = ["name", "typed_config"],
        ["envoy.config.endpoint.v3.ClusterLoadAssignment"] = ["cluster_name"],
        ["envoy.config.endpoint.v3.Endpoint"] = ["address"],
        ["envoy.config.endpoint.v3.LbEndpoint"] = ["host_identifier"],
        ["envoy.config.listener.v3.Filter"] = ["name", "config_type"],
        ["envoy.config.listener.v3.Listener"] = ["address"],
        ["envoy.config.listener.v3.ListenerFilter"] = ["name"],
        ["envoy.config.route.v3.HeaderMatcher"] = ["name"],
        ["envoy.config.route.v3.QueryParameterMatcher"] = ["name"],
        ["envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff"] = ["reset_headers"],
        ["envoy.config.route.v3.RetryPolicy.ResetHeader"] = ["name"],
        ["envoy.config.route.v3.RetryPolicy.RetryBackOff"] = ["base_interval"],
        ["envoy.config.route.v3.RetryPolicy.RetryHostPredicate"] = ["name"],
        ["envoy.config.route.v3.RetryPolicy.RetryPriority"] = ["name"],
        ["envoy.config.route.v3.Route"] = ["match", "action"],
        ["envoy.config.route.v3.RouteAction"] = ["cluster_specifier"],
        ["envoy.config.route.v3.RouteAction.HashPolicy"] = ["policy_specifier"],
        ["envoy.config.route.v3.RouteAction.HashPolicy.Cookie"] = ["name"],
        ["envoy.config.route.v3.RouteAction.HashPolicy.Header"] = ["header_name"],
        ["envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter"] = ["name"],
        ["envoy.config.route.v3.RouteAction.UpgradeConfig"] = ["upgrade_type"],
        ["envoy.config.route.v3.RouteMatch"] = ["path_specifier"],
        ["envoy.config.route.v3.VirtualHost"] = ["name", "domains"],
        ["envoy.config.route.v3.WeightedCluster"] = ["clusters"],
        ["envoy.extensions.access_loggers.file.v3.FileAccessLog"] = ["path"],
        ["envoy.extensions.clusters.dns.v3.DnsCluster.RefreshRate"] = ["base_interval"],
        ["envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"] = ["cookie"],
        ["envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState"] = ["name"],
        ["envoy.extensions.load_balancing_policies.subset.v3.Subset"] = ["subset_lb_policy"],
        ["envoy.type.http.v3.Cookie"] = ["name"],
        ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"] = ["stat_prefix", "cluster_specifier"],
        ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster"] = ["clusters"],
        ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight"] = ["name"],
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"] = ["stat_prefix", "route_specifier", "http_filters"],
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig"] = ["upgrade_type"],
        ["envoy.extensions.filters.http.buffer.v3.Buffer"] = ["max_request_bytes"],
        ["envoy.extensions.filters.http.buffer.v3.BufferPerRoute"] = ["override"],
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter"] = ["name", "config_type"],
        ["envoy.extensions.filters.network.http_connection_manager.v3.Rds"] = ["config_source", "route_config_name"],
        ["envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink"] = ["event_log_path"],
        ["envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig"] = ["header_name"],
        ["envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs"] = ["cidrs"],
        ["envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig"] = ["name"],
        ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = ["upstream_protocol_options"],
        ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig"] = ["protocol_config"],
        ["envoy.config.cluster.v3.LoadBalancingPolicy.Policy"] = ["typed_extension_config"],
        ["envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality"] = ["endpoint_picking_policy"],
        ["envoy.type.matcher.v3.RegexMatchAndSubstitute"] = ["pattern"],
        ["envoy.type.matcher.v3.RegexMatcher"] = ["regex"],
        ["envoy.type.matcher.v3.StringMatcher"] = ["match_pattern"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Names of fields and oneofs; empty where nothing is required.</summary>
    public static IReadOnlyList<string> Of(string message) => Table.GetValueOrDefault(message, []);

    /// <summary>Every message of the table, so that a test can hold it against the descriptors.</summary>
    internal static IEnumerable<string> Messages => Table.Keys;
}

using System.Collections.Frozen;

namespace KubeProxyNet.Xds.Validation;

/// <summary>The numbers that a field may hold, both ends included.</summary>
internal sealed record FieldRange(double Min, double Max);

/// <summary>Rules on single fields, by the field's full name. Source: the validation rules of Envoy's API.</summary>
internal static class FieldRules
{
    private const double MaxPort = 65535;
    private const double MaxWeight = uint.MaxValue;

    private const string FilterConfig = "envoy.config.route.v3.FilterConfig";

    /// <summary>What routes may say of HTTP filters.</summary>
    private static readonly string[] SettingsOfRoutes =
    [
        "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
        "envoy.extensions.filters.http.file_system_buffer.v3.FileSystemBufferFilterConfig",
        "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
    ];

    private static readonly FieldRange Port = new(0, MaxPort);
    private static readonly FieldRange ListenablePort = new(1, MaxPort);
    private static readonly FieldRange Percentage = new(0, 100);
    private static readonly FieldRange AtLeastOne = new(1, double.MaxValue);

    private static readonly FrozenDictionary<string, FieldRange> Ranges = new Dictionary<string, FieldRange>(StringComparer.Ordinal)
    {
        ["envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig.hash_balance_factor"] = new(100, double.MaxValue),
        ["envoy.config.cluster.v3.Cluster.LeastRequestLbConfig.choice_count"] = new(2, double.MaxValue),
        ["envoy.config.cluster.v3.Cluster.MaglevLbConfig.table_size"] = new(2, 5_000_011),
        ["envoy.config.cluster.v3.Cluster.RingHashLbConfig.maximum_ring_size"] = new(1, 8_388_608),
        ["envoy.config.cluster.v3.Cluster.RingHashLbConfig.minimum_ring_size"] = new(1, 8_388_608),
        ["envoy.extensions.load_balancing_policies.common.v3.ConsistentHashingLbConfig.hash_balance_factor"] = new(100, double.MaxValue),
        ["envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest.choice_count"] = new(2, double.MaxValue),
        ["envoy.extensions.load_balancing_policies.maglev.v3.Maglev.table_size"] = new(2, 5_000_011),
        ["envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash.hash_balance_factor"] = new(100, double.MaxValue),
        ["envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash.maximum_ring_size"] = new(1, 8_388_608),
        ["envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash.minimum_ring_size"] = new(1, 8_388_608),
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_consecutive_5xx"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_consecutive_gateway_failure"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_consecutive_local_origin_failure"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_failure_percentage"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_failure_percentage_local_origin"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_local_origin_success_rate"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.enforcing_success_rate"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.failure_percentage_threshold"] = Percentage,
        ["envoy.config.cluster.v3.OutlierDetection.max_ejection_percent"] = Percentage,
        ["kpn.filters.listener.source_connection_limit.v3.SourceConnectionLimit.max_connections"] = AtLeastOne,
        ["kpn.filters.listener.source_connection_limit.v3.SourceConnectionLimit.ipv4_prefix_length"] = new(1, 32),
        ["kpn.filters.listener.source_connection_limit.v3.SourceConnectionLimit.ipv6_prefix_length"] = new(1, 128),
        ["kpn.resource_monitors.source_connections.v3.SourceConnectionsConfig.max_active_connections_per_source"] = AtLeastOne,
        ["kpn.resource_monitors.source_connections.v3.SourceConnectionsConfig.ipv4_prefix_length"] = new(1, 32),
        ["kpn.resource_monitors.source_connections.v3.SourceConnectionsConfig.ipv6_prefix_length"] = new(1, 128),
        ["kpn.load_balancing_policies.peak_ewma.v3.PeakEwma.choice_count"] = new(2, double.MaxValue),
        ["envoy.config.core.v3.CidrRange.prefix_len"] = new(0, 128),
        ["xds.core.v3.CidrRange.prefix_len"] = new(0, 128),
        ["envoy.config.core.v3.HealthCheck.alt_port"] = ListenablePort,
        ["envoy.config.core.v3.HealthCheck.healthy_threshold"] = AtLeastOne,
        ["envoy.config.core.v3.HealthCheck.unhealthy_threshold"] = AtLeastOne,
        ["envoy.config.core.v3.Http2ProtocolOptions.initial_connection_window_size"] = new(65_535, int.MaxValue),
        ["envoy.config.core.v3.Http2ProtocolOptions.initial_stream_window_size"] = new(65_535, int.MaxValue),
        ["envoy.config.core.v3.Http2ProtocolOptions.max_concurrent_streams"] = new(1, int.MaxValue),
        ["envoy.config.core.v3.Http2ProtocolOptions.max_inbound_window_update_frames_per_data_frame_sent"] = AtLeastOne,
        ["envoy.config.core.v3.Http2ProtocolOptions.max_outbound_control_frames"] = AtLeastOne,
        ["envoy.config.core.v3.Http2ProtocolOptions.max_outbound_frames"] = AtLeastOne,
        ["envoy.config.core.v3.Http2ProtocolOptions.SettingsParameter.identifier"] = new(0, 65_535),
        ["envoy.config.core.v3.HttpProtocolOptions.max_headers_count"] = AtLeastOne,
        ["envoy.config.core.v3.HttpProtocolOptions.max_response_headers_kb"] = new(1, 8192),
        ["envoy.config.core.v3.Pipe.mode"] = new(0, 511),
        ["envoy.config.core.v3.SocketAddress.port_value"] = Port,
        ["envoy.config.endpoint.v3.ClusterLoadAssignment.Policy.overprovisioning_factor"] = AtLeastOne,
        ["envoy.config.endpoint.v3.Endpoint.HealthCheckConfig.port_value"] = Port,
        ["envoy.config.endpoint.v3.LbEndpoint.load_balancing_weight"] = new(1, MaxWeight),
        ["envoy.config.endpoint.v3.LocalityLbEndpoints.load_balancing_weight"] = new(1, MaxWeight),
        ["envoy.config.endpoint.v3.LocalityLbEndpoints.priority"] = new(0, 128),
        ["envoy.config.listener.v3.FilterChainMatch.destination_port"] = ListenablePort,
        ["envoy.config.listener.v3.FilterChainMatch.source_ports"] = ListenablePort,
        ["envoy.config.listener.v3.Listener.max_connections_to_accept_per_socket_event"] = AtLeastOne,
        ["envoy.config.route.v3.DirectResponseAction.status"] = new(200, 599),
        ["envoy.config.route.v3.HedgePolicy.initial_requests"] = AtLeastOne,
        ["envoy.config.route.v3.RedirectAction.port_redirect"] = Port,
        ["envoy.config.route.v3.RetryPolicy.retriable_status_codes"] = new(100, 599),
        ["envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig.edns0_max_payload_size"] = new(512, 4096),
        ["envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig.query_timeout_seconds"] = AtLeastOne,
        ["envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig.query_tries"] = AtLeastOne,
        ["envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig.update_frequency"] = AtLeastOne,
        ["envoy.extensions.filters.http.buffer.v3.Buffer.max_request_bytes"] = AtLeastOne,
        ["envoy.extensions.filters.http.file_system_buffer.v3.StreamConfig.memory_buffer_bytes_limit"] = AtLeastOne,
        ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.initial_read_buffer_size"] = new(256, 65_536),
        ["envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.max_client_hello_size"] = new(256, 16_384),
        ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.max_connect_attempts"] = AtLeastOne,
        ["envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight.weight"] = AtLeastOne,
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.max_request_headers_kb"] = new(1, 8192),
        ["envoy.type.v3.Percent.value"] = Percentage,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string[]> TypesInAny = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["envoy.config.accesslog.v3.AccessLog.typed_config"] =
        [
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        ],
        ["envoy.config.cluster.v3.Cluster.CustomClusterType.typed_config"] = ["envoy.extensions.clusters.dns.v3.DnsCluster"],
        ["envoy.config.cluster.v3.Cluster.typed_extension_protocol_options"] = ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"],
        ["envoy.config.core.v3.TransportSocket.typed_config"] =
        [
            "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
            "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        ],
        ["envoy.config.listener.v3.Filter.typed_config"] =
        [
            "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        ],
        ["envoy.config.listener.v3.ListenerFilter.typed_config"] =
        [
            "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
            "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            "kpn.filters.listener.source_connection_limit.v3.SourceConnectionLimit",
        ],
        ["envoy.config.overload.v3.ResourceMonitor.typed_config"] =
        [
            "envoy.extensions.resource_monitors.cgroup_memory.v3.CgroupMemoryConfig",
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
            "kpn.resource_monitors.source_connections.v3.SourceConnectionsConfig",
        ],
        ["envoy.config.route.v3.RetryPolicy.RetryHostPredicate.typed_config"] =
        [
            "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate",
            "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        ],
        ["envoy.config.route.v3.RetryPolicy.RetryPriority.typed_config"] = ["envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"],
        ["envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.typed_config"] =
        [
            "envoy.extensions.filters.http.buffer.v3.Buffer",
            "envoy.extensions.filters.http.file_system_buffer.v3.FileSystemBufferFilterConfig",
            "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config",
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
            "envoy.extensions.filters.http.router.v3.Router",
            "envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
        ],
        ["xds.core.v3.TypedExtensionConfig.typed_config"] =
        [
            "envoy.config.route.v3.Route",
            "envoy.config.route.v3.RouteList",
            "envoy.extensions.matching.input_matchers.ip.v3.Ip",
            "envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
            "envoy.type.matcher.v3.HttpRequestQueryParamMatchInput",
            "xds.type.matcher.v3.IPMatcher",
        ],
        ["envoy.config.route.v3.FilterConfig.config"] = SettingsOfRoutes,
        ["envoy.config.route.v3.Route.typed_per_filter_config"] = [FilterConfig, .. SettingsOfRoutes],
        ["envoy.config.route.v3.RouteConfiguration.typed_per_filter_config"] = [FilterConfig, .. SettingsOfRoutes],
        ["envoy.config.route.v3.VirtualHost.typed_per_filter_config"] = [FilterConfig, .. SettingsOfRoutes],
        ["envoy.config.route.v3.WeightedCluster.ClusterWeight.typed_per_filter_config"] = [FilterConfig, .. SettingsOfRoutes],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The numbers that a field may hold; null where its type says it all.</summary>
    public static FieldRange? RangeOf(string field) => Ranges.GetValueOrDefault(field);

    /// <summary>The messages that an <c>Any</c> field may hold; null where it may hold every known one.</summary>
    public static IReadOnlyList<string>? TypesInAnyOf(string field) => TypesInAny.GetValueOrDefault(field);

    /// <summary>
    /// Whether the <c>Any</c> at this path may hold what nobody here knows: of the load balancing policies of a cluster, those that are not known
    /// are passed over (Envoy documentation, "Load balancing policies"), and so is what routes say of filters that are not there.
    /// </summary>
    public static bool MayBeUnknown(ConfigPath path) =>
        path is { Name: "typed_config", Parent: { Name: "typed_extension_config", Parent.Parent.Name: "policies" } }
            or { Parent.Name: "typed_per_filter_config" }
            or { Name: "config", Parent.Parent.Name: "typed_per_filter_config" };

    /// <summary>Every field of the tables, so that a test can hold them against the descriptors.</summary>
    internal static IEnumerable<string> Fields => Ranges.Keys.Concat(TypesInAny.Keys);
}

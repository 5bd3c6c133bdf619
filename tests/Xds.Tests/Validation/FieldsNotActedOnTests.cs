using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using Envoy.Extensions.Filters.Http.Buffer.V3;
using Envoy.Extensions.Filters.Http.FileSystemBuffer.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Listener.HttpInspector.V3;
using Envoy.Extensions.Filters.Listener.TlsInspector.V3;
using Envoy.Extensions.Filters.Network.ConnectionLimit.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Extensions.HealthCheck.EventSinks.File.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using Envoy.Extensions.InternalRedirect.AllowListedRoutes.V3;
using Envoy.Extensions.LoadBalancingPolicies.LeastRequest.V3;
using Envoy.Extensions.LoadBalancingPolicies.Maglev.V3;
using Envoy.Extensions.LoadBalancingPolicies.RingHash.V3;
using Envoy.Extensions.LoadBalancingPolicies.RoundRobin.V3;
using Envoy.Extensions.LoadBalancingPolicies.Subset.V3;
using Envoy.Extensions.LoadBalancingPolicies.WrrLocality.V3;
using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using Envoy.Extensions.Network.DnsResolver.Getaddrinfo.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Extensions.Path.Rewrite.UriTemplate.V3;
using Envoy.Extensions.ResourceMonitors.CgroupMemory.V3;
using Envoy.Extensions.ResourceMonitors.DownstreamConnections.V3;
using Envoy.Extensions.ResourceMonitors.FixedHeap.V3;
using Envoy.Extensions.Retry.Host.OmitHostMetadata.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kpn.Filters.Listener.SourceConnectionLimit.V3;
using Kpn.LoadBalancingPolicies.PeakEwma.V3;
using Kpn.ResourceMonitors.SourceConnections.V3;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Validation;
using RandomPolicy = Envoy.Extensions.LoadBalancingPolicies.Random.V3.Random;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace KubeProxyNet.Xds.Tests.Validation;

/// <summary>Nothing that a file or a control plane asks for is ignored in silence.</summary>
public sealed class FieldsNotActedOnTests
{
    private static readonly MessageDescriptor[] Roots =
    [
        Bootstrap.Descriptor, HttpConnectionManager.Descriptor, Router.Descriptor, FileAccessLog.Descriptor, StdoutAccessLog.Descriptor, StderrAccessLog.Descriptor,
        UpstreamHttp.Descriptor, ConnectionLimit.Descriptor, TcpProxy.Descriptor, TlsInspector.Descriptor, HttpInspector.Descriptor, CgroupMemoryConfig.Descriptor, DownstreamConnectionsConfig.Descriptor, FixedHeapConfig.Descriptor,
        XffConfig.Descriptor, CustomHeaderConfig.Descriptor, RoundRobin.Descriptor, LeastRequest.Descriptor, RandomPolicy.Descriptor, RingHash.Descriptor,
        Envoy.Extensions.Filters.Http.GrpcStats.V3.FilterConfig.Descriptor, Envoy.Extensions.Filters.Http.GrpcHttp1Bridge.V3.Config.Descriptor,
        Envoy.Extensions.Filters.Http.Buffer.V3.Buffer.Descriptor, BufferPerRoute.Descriptor, FilterConfig.Descriptor, RouteList.Descriptor, HttpRequestHeaderMatchInput.Descriptor, HttpRequestQueryParamMatchInput.Descriptor, Envoy.Extensions.Matching.InputMatchers.Ip.V3.Ip.Descriptor, global::Xds.Type.Matcher.V3.IPMatcher.Descriptor, Envoy.Service.Runtime.V3.Runtime.Descriptor,
        Maglev.Descriptor, WrrLocality.Descriptor, CaresDnsResolverConfig.Descriptor, GetAddrInfoDnsResolverConfig.Descriptor, DnsCluster.Descriptor,
        OmitHostMetadataConfig.Descriptor, PreviousPrioritiesConfig.Descriptor,
        HealthCheckEventFileSink.Descriptor,
        Subset.Descriptor, StatefulSession.Descriptor, StatefulSessionPerRoute.Descriptor, CookieBasedSessionState.Descriptor, HeaderBasedSessionState.Descriptor, PeakEwma.Descriptor,
        DownstreamTlsContext.Descriptor, UpstreamTlsContext.Descriptor, SPIFFECertValidatorConfig.Descriptor,
        FileSystemBufferFilterConfig.Descriptor, SourceConnectionLimit.Descriptor, SourceConnectionsConfig.Descriptor,
        AllowListedRoutesConfig.Descriptor, UriTemplateMatchConfig.Descriptor, UriTemplateRewriteConfig.Descriptor,
    ];

    [Fact]
    public void Every_field_is_acted_on_or_harmless_or_told_of()
    {
        var listed = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "fields-acted-on.txt"))
            .Select(static line => line.Split('#')[0].Split(": "))
            .Where(static parts => parts.Length == 2)
            .SelectMany(static parts => parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field => $"{parts[0]}.{field}"))
            .ToHashSet(StringComparer.Ordinal);
        var untold = new HashSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<MessageDescriptor>();
        foreach (var root in Roots)
        {
            AddUntold(root, untold, seen);
        }

        untold.Except(listed).Should().BeEmpty("each of them is to be acted on, or told of by FieldsNotActedOn");
        listed.Except(untold).Should().BeEmpty("each of them is told of, or no longer declared");
    }

    [Theory]
    [InlineData("{name: c, type: STATIC, load_assignment: {cluster_name: c}, circuit_breakers: {thresholds: [{max_connection_pools: 1}]}}", "circuit_breakers.thresholds[0].max_connection_pools", "remove it")]
    [InlineData("{name: c, type: STATIC, load_assignment: {cluster_name: c}, common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}}", "common_http_protocol_options.headers_with_underscores_action", "remove it")]
    [InlineData("{name: c, type: STATIC, load_assignment: {cluster_name: c, policy: {drop_overloads: [{category: a}]}}}", "load_assignment.policy.drop_overloads", "remove it")]
    [InlineData("{name: c, type: STATIC, load_assignment: {cluster_name: c}, upstream_connection_options: {tcp_keepalive: {}}}", "upstream_connection_options.tcp_keepalive", "remove it")]
    public void A_cluster_is_told_what_does_not_happen(string yaml, string path, string remedy) => Told<Cluster>(yaml).Should().Equal((path, remedy));

    [Theory]
    [InlineData("common_lb_config: {healthy_panic_threshold: {value: 0}, update_merge_window: 0s}")]
    [InlineData("common_lb_config: {healthy_panic_threshold: {value: 50}, locality_weighted_lb_config: {}}")]
    [InlineData("dns_jitter: 0s, dns_lookup_family: AUTO, ignore_health_on_host_removal: true, round_robin_lb_config: {}")]
    [InlineData("upstream_connection_options: {}, http_protocol_options: {}, metadata: {filter_metadata: {a: {b: c}}}")]
    [InlineData("common_http_protocol_options: {idle_timeout: 5s, max_requests_per_connection: 9, max_connection_duration: 3600s}, per_connection_buffer_limit_bytes: 32768")]
    public void A_cluster_may_say_what_happens_anyway(string fields) =>
        Told<Cluster>($"{{name: c, type: STATIC, load_assignment: {{cluster_name: c}}, {fields}}}").Should().BeEmpty();

    [Theory]
    [InlineData("enable_reuse_port: false", "enable_reuse_port", "remove it, or write true")]
    [InlineData("bind_to_port: false", "bind_to_port", "remove it, or write true")]
    [InlineData("drain_type: MODIFY_ONLY", "drain_type", "remove it, or write DEFAULT")]
    [InlineData("tcp_backlog_size: 128", "tcp_backlog_size", "remove it, or write 4096")]
    [InlineData("transparent: true", "transparent", "remove it, or write false")]
    public void A_listener_is_told_what_does_not_happen(string field, string path, string remedy) =>
        Told<Listener>($"{{name: l, address: {{socket_address: {{address: 0.0.0.0, port_value: 1}}}}, filter_chains: [{{}}], {field}}}").Should().Equal((path, remedy));

    [Theory]
    [InlineData("enable_reuse_port: true, bind_to_port: true, drain_type: DEFAULT, transparent: false, freebind: false, tcp_fast_open_queue_length: 0, tcp_backlog_size: 4096")]
    [InlineData("traffic_direction: INBOUND, listener_filters_timeout: 1s, metadata: {}, ignore_global_conn_limit: true")]
    public void A_listener_may_say_what_happens_anyway(string fields) =>
        Told<Listener>($"{{name: l, address: {{socket_address: {{address: 0.0.0.0, port_value: 1}}}}, filter_chains: [{{}}], {fields}}}").Should().BeEmpty();

    [Theory]
    [InlineData("append_x_forwarded_port: true", "append_x_forwarded_port", "remove it")]
    [InlineData("scheme_header_transformation: {match_upstream: true}", "scheme_header_transformation.match_upstream", "remove it, or write false")]
    [InlineData("http_protocol_options: {allow_absolute_url: false}", "http_protocol_options.allow_absolute_url", "remove it, or write true")]
    [InlineData("http_protocol_options: {allow_chunked_length: true}", "http_protocol_options.allow_chunked_length", "remove it")]
    [InlineData("http2_protocol_options: {allow_metadata: true}", "http2_protocol_options.allow_metadata", "remove it, or write false")]
    [InlineData("http2_protocol_options: {enable_huffman_encoding: false}", "http2_protocol_options.enable_huffman_encoding", "remove it, or write true")]
    [InlineData("access_log: [{filter: {traceable_filter: {}}, typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog}}]", "access_log[0].filter.traceable_filter", "remove it")]
    public void A_connection_manager_is_told_what_does_not_happen(string field, string path, string remedy) => Told<HttpConnectionManager>(ConnectionManager(field)).Should().Equal((path, remedy));

    [Theory]
    [InlineData("codec_type: AUTO, internal_address_config: {unix_sockets: true}, stream_error_on_invalid_http_message: true")]
    [InlineData("http_protocol_options: {allow_absolute_url: true, accept_http_10: true, default_host_for_http_10: h, enable_trailers: true}, http2_protocol_options: {use_oghttp2_codec: false, max_metadata_size: 1024, enable_huffman_encoding: true}")]
    [InlineData("common_http_protocol_options: {headers_with_underscores_action: ALLOW, idle_timeout: 1s, max_headers_count: 50}")]
    public void A_connection_manager_may_say_what_happens_anyway(string fields) => Told<HttpConnectionManager>(ConnectionManager(fields)).Should().BeEmpty();

    [Theory]
    [InlineData("{cluster: c, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {allow_post: true}}]}", "upgrade_configs[0].connect_config.allow_post", "remove it, or write false")]
    public void A_route_is_told_what_does_not_happen(string action, string path, string remedy) => Told<RouteAction>(action).Should().Equal((path, remedy));

    [Fact]
    public void The_router_is_told_what_does_not_happen()
    {
        Told<Router>("{dynamic_stats: false}").Should().Equal(("dynamic_stats", "remove it, or write true"));
        Told<Router>("{dynamic_stats: true, suppress_envoy_headers: true}").Should().BeEmpty();
    }

    [Fact]
    public void Endpoints_are_told_what_does_not_happen()
    {
        const string Address = "address: {socket_address: {address: 10.0.0.1, port_value: 80}}";
        Told<ClusterLoadAssignment>("{cluster_name: c, policy: {drop_overloads: [{}]}}").Should().Equal(("policy.drop_overloads", "remove it"));
        Told<ClusterLoadAssignment>($"{{cluster_name: c, policy: {{}}, endpoints: [{{load_balancing_weight: 2, proximity: 1, lb_endpoints: [{{metadata: {{}}, endpoint: {{{Address}, additional_addresses: [{{{Address}}}]}}}}]}}]}}")
            .Should().BeEmpty();
    }

    [Theory]
    [InlineData("{access_log_path: /dev/null}")]
    [InlineData("{access_log: [{typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null}}]}")]
    public void An_admin_log_may_be_thrown_away(string admin) => Told<Bootstrap>($"{{admin: {admin}}}").Should().BeEmpty();

    [Theory]
    [InlineData("{access_log_path: /var/log/admin.log}", "admin.access_log_path")]
    [InlineData("{access_log: [{typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /var/log/a}}]}", "admin.access_log[0]")]
    [InlineData("{address: {pipe: {path: /run/admin}}}", "admin.address.pipe")]
    public void An_admin_page_is_told_what_does_not_happen(string admin, string path) => Told<Bootstrap>($"{{admin: {admin}}}").Select(static told => told.Path).Should().Equal(path);

    [Fact]
    public void Discovery_without_the_aggregated_stream_leads_nowhere() =>
        ConfigLoader.Parse<Bootstrap>("f.yaml", "static_resources: {clusters: [{name: c, type: EDS, eds_cluster_config: {eds_config: {ads: {}}}}]}"u8)
            .Errors.Select(static error => error.ToString()).Should().Equal(
                "f.yaml:1: static_resources.clusters[0].eds_cluster_config.eds_config.ads: refers to the aggregated stream, but there is none; add ads_config to dynamic_resources");

    [Fact]
    public void The_cluster_of_the_proxy_itself_has_to_be_there_from_the_start() =>
        ConfigLoader.Parse<Bootstrap>("f.yaml", "cluster_manager: {local_cluster_name: me}"u8)
            .Errors.Select(static error => error.ToString()).Should().Equal(
                "f.yaml:1: cluster_manager.local_cluster_name: there is no cluster \"me\" in static_resources; name the cluster of this proxy and those like it, or remove it");

    private static string ConnectionManager(string field) =>
        $"{{stat_prefix: s, route_config: {{}}, http_filters: [{{name: r, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}], {field}}}";

    /// <summary>What is told of a message over the wire; a file has the same as errors.</summary>
    private static List<(string Path, string Remedy)> Told<T>(string yaml)
        where T : class, IMessage, new()
    {
        var loaded = ConfigLoader.Parse<T>("f.yaml", Encoding.UTF8.GetBytes(yaml));
        var message = (IMessage)new JsonParser(JsonParser.Settings.Default.WithTypeRegistry(XdsTypes.Registry))
            .Parse(Encoding.UTF8.GetString(ConfigDocument.Parse("f.yaml", Encoding.UTF8.GetBytes(yaml)).Documents.Single().Root.ToUtf8Json()), new T().Descriptor);
        var told = ConfigValidator.Check(message).Where(static problem => problem.Kind == ConfigProblemKind.NotActedOn).ToList();
        told.Select(static problem => problem.Path.ToString()).Should().BeSubsetOf(loaded.Errors.Select(static error => error.Path));
        return [.. told.Select(static problem => (problem.Path.ToString(), problem.Remedy))];
    }

    /// <summary>The fields below a message that nothing is told of when they are set.</summary>
    private static void AddUntold(MessageDescriptor message, HashSet<string> untold, HashSet<MessageDescriptor> seen)
    {
        if (!seen.Add(message) || message.FullName.StartsWith("google.protobuf.", StringComparison.Ordinal))
        {
            return;
        }

        foreach (var field in message.Fields.InDeclarationOrder().Where(static field => FieldsNotActedOn.HarmlessValuesOf(field.FullName) is null))
        {
            untold.Add(field.FullName);
            if (field.FieldType == FieldType.Message && !field.IsMap && FieldsNotActedOn.ActedOnBelow(field.FullName) is null)
            {
                AddUntold(field.MessageType, untold, seen);
            }
        }
    }
}

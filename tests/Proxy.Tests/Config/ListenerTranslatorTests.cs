using System.Net;
using AwesomeAssertions;
using Envoy.Config.Listener.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http1;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Listeners down to what the engine runs: addresses, filter chains and every setting of the connection manager.</summary>
public sealed class ListenerTranslatorTests
{
    private const string Xff = "original_ip_detection_extensions: [{name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig}}]";
    private const string Router = "{name: router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}";
    private const string Address = "address: {socket_address: {address: 127.0.0.1, port_value: 80}}";

    private static TranslatedListener? Translate(string fields, out TranslationProblems problems) =>
        ListenerTranslator.Translate(FromYaml.Message<Listener>($"{{name: l, {fields}}}"), problems = new TranslationProblems());

    private static string Chain(string fields, string filters = Router, string routes = "route_config: {name: r}", string more = "") =>
        $"filter_chains: [{{{more} filters: [{{name: http, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: s, {routes}, http_filters: [{filters}], {fields}}}}}]}}]";

    private static TranslatedListener Good(string fields)
    {
        var translated = Translate(fields, out var problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return translated!;
    }

    private static HttpConnectionManagerConfig Http(string fields, string filters = Router) => Good($"{Address}, {Chain(fields, filters)}").Config.FilterChains[0].Http!;

    private static IEnumerable<string> Problems(string fields)
    {
        Translate(fields, out var problems).Should().BeNull();
        return problems.Found.Select(static problem => problem.ToString());
    }

    [Fact]
    public void Connections_of_a_source_have_a_limit_of_our_own_wherever_it_stands_among_the_listener_filters()
    {
        const string Limit = "{name: s, typed_config: {'@type': type.googleapis.com/kpn.filters.listener.source_connection_limit.v3.SourceConnectionLimit, max_connections: 7, ipv4_prefix_length: 24}}";
        const string Inspector = "{name: i, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}";

        var config = Good($"{Address}, {Chain("")}, listener_filters: [{Inspector}, {Limit}]").Config;

        config.SourceConnections.Should().Be(new SourceConnectionLimit(7, 24, 64));
        config.ListenerFilters.Should().ContainSingle();
        Good($"{Address}, {Chain("")}").Config.SourceConnections.Should().BeNull();
        Problems($"{Address}, {Chain("")}, listener_filters: [{Limit}, {Limit}]").Should().Equal("listener_filters[1]: the connections of a source have a limit already; keep one of the two");
    }

    [Fact]
    public void A_listener_has_its_address_and_names()
    {
        var listener = Good($"stat_prefix: p, {Address}, {Chain("")}").Config;
        listener.Name.Should().Be("l");
        listener.StatPrefix.Should().Be("p");
        listener.Address.ToString().Should().Be("127.0.0.1:80");
        listener.IsIpv4Compatible.Should().BeFalse();
        Good($"address: {{socket_address: {{address: '::', port_value: 80, ipv4_compat: true}}}}, {Chain("")}").Config.IsIpv4Compatible.Should().BeTrue();
    }

    [Fact]
    public void A_connection_manager_without_settings_has_the_defaults()
    {
        var http = Http("");
        http.Should().Be(new HttpConnectionManagerConfig { StatPrefix = "s", InlineRoutes = http.InlineRoutes, AccessLogs = http.AccessLogs });
        http.AccessLogs.Should().BeEmpty();
        http.InlineRoutes!.Name.Should().Be("r");

        // Envoy's, but for the head's deadline and the server's name.
        http.IdleTimeout.Should().Be(TimeSpan.FromHours(1));
        http.StreamIdleTimeout.Should().Be(TimeSpan.FromMinutes(5));
        http.RequestTimeout.Should().Be(TimeSpan.Zero);
        http.DelayedCloseTimeout.Should().Be(TimeSpan.FromSeconds(1));
        http.MaxConnectionDuration.Should().Be(TimeSpan.Zero);
        http.MaxStreamDuration.Should().Be(TimeSpan.Zero);
        http.MaxRequestHeadBytes.Should().Be(60 * 1024);
        http.MaxRequestFields.Should().Be(HeadParser.DefaultMaxFields);
        http.GenerateRequestId.Should().BeTrue();
        http.UseRemoteAddress.Should().BeFalse();
        http.RequestHeadersTimeout.Should().Be(TimeSpan.FromSeconds(10));
        http.ServerName.Should().Be("kpn");
    }

    [Fact]
    public void Every_setting_of_the_connection_manager_arrives()
    {
        var http = Http(
            """
            codec_type: HTTP1, use_remote_address: true, skip_xff_append: true, generate_request_id: false, preserve_external_request_id: true,
            always_set_request_id_in_response: true, server_name: me, server_header_transformation: APPEND_IF_ABSENT, max_request_headers_kb: 32,
            drain_timeout: 10s, stream_idle_timeout: 1s, request_timeout: 2s, request_headers_timeout: 3s, delayed_close_timeout: 4s,
            common_http_protocol_options: {idle_timeout: 5s, max_connection_duration: 6s, max_stream_duration: 7s, max_headers_count: 8, max_requests_per_connection: 9},
            http_protocol_options: {accept_http_10: true, default_host_for_http_10: h}
            """.ReplaceLineEndings(" "),
            "{name: router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}}");
        http.Should().Be(new HttpConnectionManagerConfig
        {
            StatPrefix = "s",
            Codec = HttpCodec.Http1,
            Http2 = new Http2Options { MaxConcurrentStreams = 100 },
            InlineRoutes = http.InlineRoutes,
            AccessLogs = http.AccessLogs,
            UseRemoteAddress = true,
            SkipXffAppend = true,
            GenerateRequestId = false,
            PreserveExternalRequestId = true,
            AlwaysSetRequestIdInResponse = true,
            ServerName = "me",
            ServerHeader = ServerHeaderTransformation.AppendIfAbsent,
            MaxRequestHeadBytes = 32 * 1024,
            StreamIdleTimeout = TimeSpan.FromSeconds(1),
            RequestTimeout = TimeSpan.FromSeconds(2),
            RequestHeadersTimeout = TimeSpan.FromSeconds(3),
            DelayedCloseTimeout = TimeSpan.FromSeconds(4),
            IdleTimeout = TimeSpan.FromSeconds(5),
            MaxConnectionDuration = TimeSpan.FromSeconds(6),
            MaxStreamDuration = TimeSpan.FromSeconds(7),
            DrainTimeout = TimeSpan.FromSeconds(10),
            MaxRequestFields = 8,
            MaxRequestsPerConnection = 9,
            AcceptHttp10 = true,
            DefaultHostForHttp10 = "h",
            SuppressEnvoyHeaders = true,
        });
    }

    [Fact]
    public void Every_setting_of_identity_and_normalization_arrives()
    {
        var http = Http(
            """
            xff_num_trusted_hops: 2, internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}, normalize_path: true, merge_slashes: true,
            path_with_escaped_slashes_action: REJECT_REQUEST, strip_any_host_port: true, strip_trailing_host_dot: true, via: 1.1 us, proxy_100_continue: true,
            scheme_header_transformation: {scheme_to_overwrite: https}, common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}
            """.ReplaceLineEndings(" "));
        http.Should().Be(new HttpConnectionManagerConfig
        {
            StatPrefix = "s",
            InlineRoutes = http.InlineRoutes,
            AccessLogs = http.AccessLogs,
            XffNumTrustedHops = 2,
            InternalAddresses = http.InternalAddresses,
            NormalizePath = true,
            MergeSlashes = true,
            PathWithEscapedSlashes = EscapedSlashesAction.RejectRequest,
            StripHostPort = StripPortMode.Any,
            StripTrailingHostDot = true,
            Via = "1.1 us",
            Proxy100Continue = true,
            SchemeToOverwrite = "https",
            HeadersWithUnderscores = HeadersWithUnderscoresAction.DropHeader,
        });
        http.InternalAddresses.Should().Equal(new CidrRange(IPAddress.Parse("10.0.0.0"), 8));
    }

    [Theory]
    [InlineData("IMPLEMENTATION_SPECIFIC_DEFAULT", EscapedSlashesAction.KeepUnchanged)]
    [InlineData("KEEP_UNCHANGED", EscapedSlashesAction.KeepUnchanged)]
    [InlineData("UNESCAPE_AND_REDIRECT", EscapedSlashesAction.UnescapeAndRedirect)]
    [InlineData("UNESCAPE_AND_FORWARD", EscapedSlashesAction.UnescapeAndForward)]
    public void Escaped_slashes_have_every_action(string action, EscapedSlashesAction expected) =>
        Http($"path_with_escaped_slashes_action: {action}").PathWithEscapedSlashes.Should().Be(expected);

    [Fact]
    public void Ways_to_find_the_original_address_keep_their_order()
    {
        var detections = Http(
            """
            original_ip_detection_extensions: [
            {name: h, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig, header_name: X-Real-IP, allow_extension_to_set_address_as_trusted: true, reject_with_status: {code: Unauthorized}}},
            {name: h, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig, header_name: a, reject_with_status: {code: OK}}},
            {name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig, xff_trusted_cidrs: {cidrs: [{address_prefix: '::', prefix_len: 64}]}, skip_xff_append: false}},
            {name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig, xff_num_trusted_hops: 3}}]
            """.ReplaceLineEndings(" ")).OriginalIpDetections;

        detections[0].Should().Be(new CustomHeaderDetection { HeaderName = "x-real-ip", AllowsTrust = true, RejectStatus = 401 });
        detections[1].Should().Be(new CustomHeaderDetection { HeaderName = "a", RejectStatus = 403 });
        var xff = detections[2].Should().BeOfType<XffDetection>().Which;
        xff.TrustedCidrs.Should().Equal(new CidrRange(IPAddress.IPv6Any, 64));
        xff.SkipXffAppend.Should().BeFalse();
        detections[3].Should().Be(new XffDetection { TrustedHops = 3 });
    }

    [Fact]
    public void A_limit_of_connections_may_stand_before_the_connection_manager()
    {
        var limit = "{name: limit, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: few, max_connections: 7}}";
        var chain = Chain("");
        var config = Good($"{Address}, ignore_global_conn_limit: true, {chain.Replace(" filters: [{name: http,", $" filters: [{limit}, {{name: http,", StringComparison.Ordinal)}").Config;
        config.FilterChains[0].MaxConnections.Should().Be(7);
        config.FilterChains[0].ConnectionLimitStatPrefix.Should().Be("few");
        config.IgnoresGlobalConnectionLimit.Should().BeTrue();
    }

    [Fact]
    public void Upgrades_arrive() =>
        Http("upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: tcp, enabled: false}]").Upgrades
            .Should().Equal(new UpgradeConfig("websocket"), new UpgradeConfig("tcp", Enabled: false));

    [Fact]
    public void The_server_header_may_pass_through() => Http("server_header_transformation: PASS_THROUGH").ServerHeader.Should().Be(ServerHeaderTransformation.PassThrough);

    [Fact]
    public void Routes_may_be_discovered()
    {
        var listener = Good($"{Address}, {Chain("", routes: "rds: {config_source: {ads: {}, initial_fetch_timeout: 2s}, route_config_name: r}")}");
        listener.Config.FilterChains[0].Http!.RouteConfigName.Should().Be("r");
        listener.Config.FilterChains[0].Http!.InlineRoutes.Should().BeNull();
        listener.RoutesTimeout.Should().Be(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void A_filter_that_is_disabled_counts_for_nothing() => Http("", $"{{name: off, disabled: true, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}, {Router}");

    [Theory]
    [InlineData("codec_type: HTTP3", "codec_type: HTTP/3 is not supported; use AUTO, HTTP1 or HTTP2")]
    [InlineData("max_request_headers_kb: 96", "max_request_headers_kb: 96 is more than 64; write a number from 1 to 64")]
    [InlineData("common_http_protocol_options: {max_headers_count: 20000}", "common_http_protocol_options.max_headers_count: 20000 is more than 10000; write a number from 1 to 10000")]
    [InlineData("scheme_header_transformation: {scheme_to_overwrite: ws}", "scheme_header_transformation.scheme_to_overwrite: \"ws\" is no scheme that is served; write http or https")]
    [InlineData("via: \"a\\r\\nb\"", "via: is no value for a header; write at most 128 printable ASCII characters, such as \"1.1 edge\"")]
    [InlineData("use_remote_address: true, " + Xff, "original_ip_detection_extensions: exclude use_remote_address, which is true; keep one of the two")]
    [InlineData("xff_num_trusted_hops: 1, " + Xff, "original_ip_detection_extensions: exclude xff_num_trusted_hops, which is set too; keep one of the two")]
    [InlineData("original_ip_detection_extensions: [{name: x, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]", "original_ip_detection_extensions[0].typed_config: is no way to find the original address that is known; use envoy.http.original_ip_detection.xff or custom_header")]
    [InlineData("access_log: [{typed_config: {'@type': type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: {text_format_source: {filename: /nonexistent}}}}]", "access_log[0].typed_config.log_format.text_format_source.filename: \"/nonexistent\" cannot be read: Could not find file '/nonexistent'; name a file that exists and can be read")]
    public void What_a_connection_manager_cannot_do_is_named_with_path_and_remedy(string field, string problem) =>
        Problems($"{Address}, {Chain(field)}").Should().Equal("filter_chains[0].filters[0].typed_config." + problem);

    [Theory]
    [InlineData("", "http_filters: the last HTTP filter must be envoy.filters.http.router; add it")]
    [InlineData(Router + ", " + Router, "http_filters[1].name: a filter \"router\" exists already; give each filter its own name")]
    public void The_one_last_filter_is_the_router(string filters, string problem) => Problems($"{Address}, {Chain("", filters)}").Should().Equal("filter_chains[0].filters[0].typed_config." + problem);

    [Fact]
    public void Routes_are_discovered_over_ads_only() =>
        Problems($"{Address}, {Chain("", routes: "rds: {config_source: {path_config_source: {path: f}}, route_config_name: r}")}")
            .Should().Equal("filter_chains[0].filters[0].typed_config.rds.config_source: routes are discovered over ADS only; write \"ads: {}\"");

    [Fact]
    public void A_fault_in_routes_has_its_whole_path() =>
        Problems($"{Address}, {Chain("", routes: "route_config: {virtual_hosts: [{name: h, domains: ['*'], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {environment_variable: NO_SUCH_VARIABLE}}}]}]}")}")
            .Should().ContainSingle().Which.Should().StartWith("filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].direct_response.body.environment_variable: ");

    [Fact]
    public void A_listener_is_one_chain_in_plain_text_with_one_filter_on_an_ip_address()
    {
        Problems($"{Address}").Should().Equal("filter_chains: a listener needs a filter chain; add one");
        Problems($"{Address}, filter_chains: [{{}}]").Should().Equal("filter_chains[0].filters: a filter chain consists of one envoy.filters.network.http_connection_manager or envoy.filters.network.tcp_proxy, with an envoy.filters.network.connection_limit before it at most; keep only those filters");
        Problems($"{Address}, {Chain("", more: "transport_socket: {name: tls},")}").Should().Equal("filter_chains[0].transport_socket: \"tls\" is not supported; use a typed_config of envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, or remove it");
        Problems($"address: {{pipe: {{path: '@s', mode: 384}}}}, {Chain("")}").Should().Equal("address.pipe.mode: a socket of the abstract namespace has no mode; leave it out");
        Problems($"address: {{socket_address: {{address: here, port_value: 1}}}}, {Chain("")}").Should().Equal("address.socket_address.address: \"here\" is no IP address; write an IP address such as 0.0.0.0");
        Good($"{Address}, {Chain("", more: "filter_chain_match: {}, transport_socket: {name: plain, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}},")}");
    }
}

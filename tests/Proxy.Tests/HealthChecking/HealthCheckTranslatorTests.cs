using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>What clusters say of active health checks.</summary>
public sealed class HealthCheckTranslatorTests
{
    private const string Required = "timeout: 1s, interval: 10s, unhealthy_threshold: 3, healthy_threshold: 2";

    [Fact]
    public void A_cluster_without_checks_has_none()
    {
        var config = Translated("type: STATIC").Config;
        config.HealthCheck.Should().BeNull();
        config.KeepsPassingHosts.Should().BeFalse();
    }

    [Fact]
    public void Without_further_settings_there_are_envoys_defaults() => Good("http_health_check: {path: /}").Should().Be(new HealthCheckConfig
    {
        Probe = new HttpHealthCheck
        {
            Method = "GET",
            Path = "/",
            Host = "c",
            HeaderLines = "user-agent: Envoy/HC\r\n",
            ResponseBufferSize = 1024,
            ExpectedStatuses = new([new StatusRange(200, 201)]),
        },
        Timeout = TimeSpan.FromSeconds(1),
        Interval = TimeSpan.FromSeconds(10),
        UnhealthyThreshold = 3,
        HealthyThreshold = 2,
        ReuseConnection = true,
        NoTrafficInterval = TimeSpan.FromSeconds(60),
    });

    [Fact]
    public void Every_time_and_every_setting_arrives() => Good(
        "initial_jitter: 2s, interval_jitter: 3s, interval_jitter_percent: 25, reuse_connection: false, no_traffic_interval: 4s, no_traffic_healthy_interval: 5s, unhealthy_interval: 6s,"
        + "unhealthy_edge_interval: 7s, healthy_edge_interval: 0.008s, tcp_health_check: {send: {text: '50494E47'}, receive: [{text: '504f'}, {binary: 'TkcK'}]}").Should().Be(new HealthCheckConfig
        {
            Probe = new TcpHealthCheck { Send = Bytes("PING"), Receive = new([Bytes("PO"), Bytes("NG\n")]) },
            Timeout = TimeSpan.FromSeconds(1),
            Interval = TimeSpan.FromSeconds(10),
            UnhealthyThreshold = 3,
            HealthyThreshold = 2,
            InitialJitter = TimeSpan.FromSeconds(2),
            IntervalJitter = TimeSpan.FromSeconds(3),
            IntervalJitterPercent = 25,
            ReuseConnection = false,
            NoTrafficInterval = TimeSpan.FromSeconds(4),
            NoTrafficHealthyInterval = TimeSpan.FromSeconds(5),
            UnhealthyInterval = TimeSpan.FromSeconds(6),
            UnhealthyEdgeInterval = TimeSpan.FromSeconds(7),
            HealthyEdgeInterval = TimeSpan.FromMilliseconds(8),
        });

    [Fact]
    public void Everything_about_the_request_and_its_answer_arrives() => Good(
        "http_health_check: {host: h, path: /p, method: PUT, send: {text: '70'}, receive: [{text: '6f6b'}], response_buffer_size: 4, expected_statuses: [{start: 200, end: 300}, {start: 404, end: 405}],"
        + "retriable_statuses: [{start: 503, end: 504}], service_name_matcher: {suffix: x, ignore_case: true}, codec_client_type: HTTP1}").Probe.Should().Be(new HttpHealthCheck
        {
            Method = "PUT",
            Path = "/p",
            Host = "h",
            Send = Bytes("p"),
            Receive = new([Bytes("ok")]),
            ResponseBufferSize = 4,
            ExpectedStatuses = new([new StatusRange(200, 300), new StatusRange(404, 405)]),
            RetriableStatuses = new([new StatusRange(503, 504)]),
            ServiceName = new ServiceNameMatch(ServiceNameMatchKind.Suffix, "x", IgnoreCase: true),
        });

    [Theory]
    [InlineData("request_headers_to_add: [{header: {key: X-Check, value: 'a 100%%'}}]", "user-agent: Envoy/HC\r\nx-check: a 100%\r\n")]
    [InlineData("request_headers_to_add: [{header: {key: User-Agent, value: mine}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}]", "user-agent: mine\r\n")]
    [InlineData("request_headers_to_add: [{header: {key: user-agent, value: mine}, append_action: ADD_IF_ABSENT}]", "user-agent: Envoy/HC\r\n")]
    [InlineData("request_headers_to_add: [{header: {key: x, value: mine}, append_action: OVERWRITE_IF_EXISTS}]", "user-agent: Envoy/HC\r\n")]
    [InlineData("request_headers_to_remove: [user-agent]", "")]
    public void Headers_are_changed_as_those_of_a_route(string fields, string lines) =>
        ((HttpHealthCheck)Good($"http_health_check: {{path: /, {fields}}}").Probe).HeaderLines.Should().Be(lines);

    [Theory]
    [InlineData("{exact: shop}", "shop", "shop1")]
    [InlineData("{prefix: SHOP, ignore_case: true}", "shop1", "my-shop")]
    [InlineData("{contains: op}", "shop", "sho")]
    [InlineData("{safe_regex: {regex: 's[a-h]op'}}", "shop", "shop1")]
    public void The_service_is_matched_in_every_way(string matcher, string right, string wrong)
    {
        var service = ((HttpHealthCheck)Good($"http_health_check: {{path: /, service_name_matcher: {matcher}}}").Probe).ServiceName!;
        service.IsMatch(right).Should().BeTrue();
        service.IsMatch(wrong).Should().BeFalse();
        service.Should().Be(((HttpHealthCheck)Good($"http_health_check: {{path: /, service_name_matcher: {matcher}}}").Probe).ServiceName, "a message that comes again must not disturb anything");
    }

    [Fact]
    public void Checks_by_gRPC_and_by_HTTP_2_are_taken()
    {
        Translated($"type: STATIC, http2_protocol_options: {{}}, health_checks: [{{{Required}, grpc_health_check: {{service_name: s, authority: a, initial_metadata: [{{header: {{key: X-A, value: b}}}}]}}}}]")
            .Config.HealthCheck!.Probe.Should().Be(new GrpcHealthCheck { ServiceName = "s", Authority = "a", HeaderLines = "user-agent: Envoy/HC\r\nx-a: b\r\n" });
        Translated($"type: STATIC, http2_protocol_options: {{}}, health_checks: [{{{Required}, grpc_health_check: {{}}}}]").Config.HealthCheck!.Probe.Should().Be(new GrpcHealthCheck { Authority = "c" });
        ((HttpHealthCheck)Good("http_health_check: {path: /, codec_client_type: HTTP2}").Probe).UsesHttp2.Should().BeTrue();
    }

    [Theory]
    [InlineData("grpc_health_check: {}", "health_checks[0].grpc_health_check: checks by gRPC need HTTP/2")]
    [InlineData("http_health_check: {path: /, codec_client_type: HTTP3}", "health_checks[0].http_health_check.codec_client_type: endpoints are checked by HTTP/1.1 or HTTP/2")]
    [InlineData("http_health_check: {path: '/a b'}", "health_checks[0].http_health_check.path: a path holds no spaces")]
    [InlineData("http_health_check: {path: /, host: \"a\\nb\"}", "health_checks[0].http_health_check.host: a host header holds no control")]
    [InlineData("http_health_check: {path: /, method: CONNECT}", "health_checks[0].http_health_check.method: CONNECT is no method")]
    [InlineData("http_health_check: {path: /, send: {text: '70'}}", "health_checks[0].http_health_check.send: a request with GET has no body")]
    [InlineData("http_health_check: {path: /, receive: [{text: '7'}]}", "health_checks[0].http_health_check.receive[0].text: \"7\" is no hexadecimal text")]
    [InlineData("http_health_check: {path: /, receive: [{text: '7070'}], response_buffer_size: 1}", "health_checks[0].http_health_check.receive: more is expected than the 1 bytes")]
    [InlineData("http_health_check: {path: /, expected_statuses: [{start: 200, end: 200}]}", "health_checks[0].http_health_check.expected_statuses[0]: 200 to 200 is no range")]
    [InlineData("http_health_check: {path: /, expected_statuses: [{start: 99, end: 200}]}", "expected_statuses[0]: 99 to 200")]
    [InlineData("http_health_check: {path: /, retriable_statuses: [{start: 500, end: 601}]}", "retriable_statuses[0]: 500 to 601")]
    [InlineData("http_health_check: {path: /, request_headers_to_add: [{header: {key: host, value: x}}]}", "health_checks[0].http_health_check.request_headers_to_add[0].header.key: the Host header cannot")]
    [InlineData("http_health_check: {path: /, request_headers_to_add: [{header: {key: x, value: '%START_TIME%'}}]}", "request_headers_to_add[0].header.value: operators have no meaning in a health check")]
    [InlineData("http_health_check: {path: /, service_name_matcher: {safe_regex: {regex: '('}}}", "health_checks[0].http_health_check.service_name_matcher.safe_regex.regex: \"(\" is not a usable")]
    [InlineData("tcp_health_check: {send: {text: 'xy'}}", "health_checks[0].tcp_health_check.send.text: \"xy\" is no hexadecimal text")]
    [InlineData("tcp_health_check: {}, unhealthy_interval: 0s", "health_checks[0].unhealthy_interval: a time of zero")]
    [InlineData("tcp_health_check: {}, no_traffic_interval: -1s", "health_checks[0].no_traffic_interval: a time of zero or less")]
    [InlineData("tcp_health_check: {}, event_log_path: /no/such/folder/events.log", "health_checks[0].event_log_path: \"/no/such/folder/events.log\" cannot be written")]
    [InlineData("tcp_health_check: {}, event_logger: [{name: f, typed_config: {'@type': type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: /}}]", "health_checks[0].event_logger[0].typed_config.event_log_path: \"/\" cannot be written")]
    [InlineData("tcp_health_check: {}, event_logger: [{name: f, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]", "health_checks[0].event_logger[0].typed_config: events are logged to files only")]
    [InlineData("tcp_health_check: {}}, {", "health_checks[1]: a cluster has one health check at most")]
    public void What_cannot_be_done_is_refused_by_name(string fields, string expected) => Problems($"health_checks: [{{{Required}, {fields}}}]").Should().ContainSingle().Which.Should().Contain(expected);

    [Theory]
    [InlineData("type: EDS, eds_cluster_config: {eds_config: {ads: {}}}", true)]
    [InlineData("type: STRICT_DNS", true)]
    [InlineData("type: LOGICAL_DNS", false)]
    [InlineData("type: STATIC", false)]
    [InlineData("type: STRICT_DNS, ignore_health_on_host_removal: true", false)]
    public void Endpoints_that_pass_stay_where_discovery_may_be_late(string fields, bool stay) =>
        Translated($"{fields}, health_checks: [{{{Required}, tcp_health_check: {{}}}}]").Config.KeepsPassingHosts.Should().Be(stay);

    [Fact]
    public void Endpoints_say_what_is_different_about_them()
    {
        var endpoints = Translated("""
            type: STATIC, common_lb_config: {ignore_new_hosts_until_first_hc: true}, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [
              {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}, health_check_config: {port_value: 81, hostname: h}}},
              {endpoint: {address: {socket_address: {address: 10.0.0.2, port_value: 80}}, health_check_config: {address: {socket_address: {address: 10.9.9.9, port_value: 82}}}}},
              {endpoint: {address: {socket_address: {address: 10.0.0.3, port_value: 80}}, health_check_config: {address: {socket_address: {address: 10.9.9.9, port_value: 82}}, port_value: 83}}},
              {endpoint: {address: {socket_address: {address: 10.0.0.4, port_value: 80}}, health_check_config: {disable_active_health_check: true}}}]}]}
            """);

        endpoints.Config.IgnoresNewHostsUntilFirstCheck.Should().BeTrue();
        endpoints.Endpoints.Select(static endpoint => endpoint.HealthCheck.TargetOf(endpoint.Address).ToString()).Should().Equal("10.0.0.1:81", "10.9.9.9:82", "10.9.9.9:83", "10.0.0.4:80");
        endpoints.Endpoints.Select(static endpoint => endpoint.HealthCheck.IsDisabled).Should().Equal(false, false, false, true);
        endpoints.Endpoints[0].HealthCheck.Hostname.Should().Be("h");
    }

    [Theory]
    [InlineData("address: {socket_address: {address: name.test, port_value: 80}}", "health_check_config.address: \"name.test\" is no IP address")]
    [InlineData("hostname: \"a\\rb\"", "health_check_config.hostname: a host header holds no control")]
    public void What_an_endpoint_cannot_have_is_refused_by_name(string fields, string expected) => Problems(
        $"type: STATIC, load_assignment: {{cluster_name: c, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 10.0.0.1, port_value: 80}}}}, health_check_config: {{{fields}}}}}}}]}}]}}")
        .Should().ContainSingle().Which.Should().Contain("load_assignment.endpoints[0].lb_endpoints[0].endpoint." + expected);

    private static HealthCheckConfig Good(string fields) => Translated($"type: STATIC, health_checks: [{{{Required}, {fields}}}]").Config.HealthCheck!;

    private static TranslatedCluster Translated(string fields)
    {
        var problems = new TranslationProblems();
        var translated = ClusterTranslator.Translate(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return translated!;
    }

    private static IEnumerable<string> Problems(string fields)
    {
        var problems = new TranslationProblems();
        ClusterTranslator.Translate(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), problems).Should().BeNull();
        return problems.Found.Select(static problem => problem.ToString());
    }

    private static Payload Bytes(string text) => new(Encoding.ASCII.GetBytes(text));
}

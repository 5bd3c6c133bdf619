using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class ClusterTranslatorTests
{
    private const string HttpOptions = "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, ";

    private static TranslatedCluster? Translate(string fields, out TranslationProblems problems, bool isControlPlane = false) =>
        ClusterTranslator.Translate(FromYaml.Message<ClusterMessage>($"{{name: c, {fields}}}"), problems = new TranslationProblems(), isControlPlane);

    private static TranslatedCluster Good(string fields)
    {
        var translated = Translate(fields, out var problems);
        problems.Found.Concat(problems.Ignored).Should().BeEmpty();
        return translated!;
    }

    private static IEnumerable<string> Problems(string fields)
    {
        Translate(fields, out var problems).Should().BeNull();
        return problems.Found.Select(static problem => problem.ToString());
    }

    [Fact]
    public void A_cluster_without_settings_has_envoys_defaults()
    {
        var cluster = Good("load_assignment: {cluster_name: c}");
        cluster.Config.Should().Be(new ClusterConfig
        {
            Name = "c",
            LoadBalancing = LoadBalancingPolicy.RoundRobin,
            ChoiceCount = 2,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            IdleTimeout = TimeSpan.FromHours(1),
            MaxRequestsPerConnection = 0,
        });
        cluster.Source.Should().Be(EndpointSource.Static);
        cluster.Dns.Refresh.Should().Be(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Limits_of_response_heads_arrive()
    {
        var config = Good(HttpOptions + "explicit_http_config: {http_protocol_options: {}}, common_http_protocol_options: {max_response_headers_kb: 20, max_headers_count: 30}}}").Config;
        config.MaxResponseHeadBytes.Should().Be(20 * 1024);
        config.MaxResponseFields.Should().Be(30);
        Problems("common_http_protocol_options: {max_response_headers_kb: 100}").Should().Equal("common_http_protocol_options.max_response_headers_kb: 100 is more than 96; write a number from 1 to 96");
        Problems("common_http_protocol_options: {max_headers_count: 20000}").Should().Equal("common_http_protocol_options.max_headers_count: 20000 is more than 10000; write a number from 1 to 10000");
    }

    [Fact]
    public void Circuit_breakers_arrive_a_priority_each()
    {
        var config = Good(
            "circuit_breakers: {thresholds: [{max_connections: 1, max_pending_requests: 2, max_requests: 3, max_retries: 4, track_remaining: true}, "
            + "{priority: HIGH, retry_budget: {budget_percent: {value: 50}}}, {priority: HIGH, max_requests: 9}]}").Config;
        config.DefaultThresholds.Should().Be(new CircuitBreakerThresholds
        {
            MaxConnections = 1,
            MaxPendingRequests = 2,
            MaxRequests = 3,
            MaxRetries = 4,
            TrackRemaining = true,
        });
        config.HighThresholds.Should().Be(new CircuitBreakerThresholds { RetryBudget = new RetryBudget(50, 3) });
    }

    [Fact]
    public void Limits_of_single_endpoints_arrive_a_priority_each()
    {
        var config = Good("circuit_breakers: {per_host_thresholds: [{max_connections: 4}, {max_connections: 9}, {priority: HIGH, max_connections: 7}]}").Config;
        config.DefaultThresholds.Should().Be(new CircuitBreakerThresholds { MaxConnectionsPerHost = 4 });
        config.HighThresholds.Should().Be(new CircuitBreakerThresholds { MaxConnectionsPerHost = 7 });
        Problems("circuit_breakers: {per_host_thresholds: [{max_requests: 4, track_remaining: true}]}").Should().Equal(
            "circuit_breakers.per_host_thresholds[0].max_requests: is not a limit of single endpoints; remove it, or write it in thresholds",
            "circuit_breakers.per_host_thresholds[0].track_remaining: is not a limit of single endpoints; remove it, or write it in thresholds");
    }

    [Fact]
    public void Outlier_detection_is_off_unless_asked_for_and_then_has_envoys_defaults()
    {
        Good("load_assignment: {cluster_name: c}").Config.OutlierDetection.Should().BeNull();
        Good("outlier_detection: {}").Config.OutlierDetection.Should().Be(new OutlierDetectionConfig
        {
            Interval = TimeSpan.FromSeconds(10),
            BaseEjectionTime = TimeSpan.FromSeconds(30),
            MaxEjectionTime = TimeSpan.FromSeconds(300),
            MaxEjectionTimeJitter = TimeSpan.Zero,
            MaxEjectionPercent = 10,
            AlwaysEjectOneHost = false,
            Consecutive5xx = 5,
            ConsecutiveGatewayFailure = 5,
            ConsecutiveLocalOriginFailure = 5,
            SplitsOrigins = false,
            EnforcingConsecutive5xx = 100,
            EnforcingConsecutiveGatewayFailure = 0,
            EnforcingConsecutiveLocalOriginFailure = 100,
            EnforcingSuccessRate = 100,
            EnforcingLocalOriginSuccessRate = 100,
            EnforcingFailurePercentage = 0,
            EnforcingFailurePercentageLocalOrigin = 0,
            SuccessRateMinimumHosts = 5,
            SuccessRateRequestVolume = 100,
            SuccessRateStdevFactor = 1900,
            FailurePercentageThreshold = 85,
            FailurePercentageMinimumHosts = 5,
            FailurePercentageRequestVolume = 50,
            HealthCheckUnejects = true,
        });
    }

    [Fact]
    public void Settings_of_outlier_detection_arrive() => Good(
        "outlier_detection: {interval: 1s, base_ejection_time: 400s, max_ejection_time_jitter: 3s, max_ejection_percent: 99, always_eject_one_host: true, consecutive_5xx: 1, "
        + "consecutive_gateway_failure: 2, consecutive_local_origin_failure: 0, split_external_local_origin_errors: true, enforcing_consecutive_5xx: 11, enforcing_consecutive_gateway_failure: 12, "
        + "enforcing_consecutive_local_origin_failure: 13, enforcing_success_rate: 14, enforcing_local_origin_success_rate: 15, enforcing_failure_percentage: 16, "
        + "enforcing_failure_percentage_local_origin: 17, success_rate_minimum_hosts: 21, success_rate_request_volume: 22, success_rate_stdev_factor: 23, failure_percentage_threshold: 24, "
        + "failure_percentage_minimum_hosts: 25, failure_percentage_request_volume: 26, successful_active_health_check_uneject_host: false}").Config.OutlierDetection.Should().Be(new OutlierDetectionConfig
        {
            Interval = TimeSpan.FromSeconds(1),
            BaseEjectionTime = TimeSpan.FromSeconds(400),
            MaxEjectionTime = TimeSpan.FromSeconds(400),
            MaxEjectionTimeJitter = TimeSpan.FromSeconds(3),
            MaxEjectionPercent = 99,
            AlwaysEjectOneHost = true,
            Consecutive5xx = 1,
            ConsecutiveGatewayFailure = 2,
            ConsecutiveLocalOriginFailure = 0,
            SplitsOrigins = true,
            EnforcingConsecutive5xx = 11,
            EnforcingConsecutiveGatewayFailure = 12,
            EnforcingConsecutiveLocalOriginFailure = 13,
            EnforcingSuccessRate = 14,
            EnforcingLocalOriginSuccessRate = 15,
            EnforcingFailurePercentage = 16,
            EnforcingFailurePercentageLocalOrigin = 17,
            SuccessRateMinimumHosts = 21,
            SuccessRateRequestVolume = 22,
            SuccessRateStdevFactor = 23,
            FailurePercentageThreshold = 24,
            FailurePercentageMinimumHosts = 25,
            FailurePercentageRequestVolume = 26,
            HealthCheckUnejects = false,
        });

    [Theory]
    [InlineData("interval: 0s", "interval: is zero; write a longer duration, or leave it out for Envoy's default")]
    [InlineData("base_ejection_time: 0s", "base_ejection_time: is zero; write a longer duration, or leave it out for Envoy's default")]
    [InlineData("base_ejection_time: 10s, max_ejection_time: 5s", "max_ejection_time: is shorter than base_ejection_time; write a longer one, or shorten base_ejection_time (30s by default)")]
    public void Times_that_outlier_detection_cannot_keep_are_refused(string fields, string problem) =>
        Problems($"outlier_detection: {{{fields}}}").Should().Equal("outlier_detection." + problem);

    [Fact]
    public void Settings_arrive() =>
        Good("alt_stat_name: s, lb_policy: LEAST_REQUEST, least_request_lb_config: {choice_count: 5}, connect_timeout: 0.25s, common_http_protocol_options: {idle_timeout: 0s, max_requests_per_connection: 7}")
            .Config.Should().Be(new ClusterConfig
            {
                Name = "c",
                AltStatName = "s",
                LoadBalancing = LoadBalancingPolicy.LeastRequest,
                ChoiceCount = 5,
                ConnectTimeout = TimeSpan.FromMilliseconds(250),
                IdleTimeout = TimeSpan.Zero,
                MaxRequestsPerConnection = 7,
            });

    [Fact]
    public void Typed_protocol_options_go_before_the_deprecated_ones() =>
        Good($"common_http_protocol_options: {{idle_timeout: 1s}}, {HttpOptions} common_http_protocol_options: {{idle_timeout: 2s}}, explicit_http_config: {{http_protocol_options: {{}}}}}}}}")
            .Config.IdleTimeout.Should().Be(TimeSpan.FromSeconds(2));

    [Theory]
    [InlineData("type: STATIC", EndpointSource.Static)]
    [InlineData("type: STRICT_DNS, dns_refresh_rate: 30s", EndpointSource.StrictDns)]
    [InlineData("type: LOGICAL_DNS", EndpointSource.LogicalDns)]
    [InlineData("type: EDS, eds_cluster_config: {eds_config: {ads: {}}}", EndpointSource.Discovery)]
    public void The_type_says_where_endpoints_come_from(string fields, object source) => Good(fields).Source.Should().Be((EndpointSource)source);

    [Fact]
    public void Endpoint_discovery_asks_for_the_service_name_or_else_for_the_cluster()
    {
        Good("type: EDS, eds_cluster_config: {eds_config: {ads: {}}}").ServiceName.Should().Be("c");
        Good("type: EDS, eds_cluster_config: {eds_config: {ads: {}}, service_name: s}").ServiceName.Should().Be("s");
    }

    [Theory]
    [InlineData("", 15)]
    [InlineData(", initial_fetch_timeout: 3s", 3)]
    public void The_wait_for_discovered_endpoints_is_that_of_their_source(string field, int seconds) =>
        Good($"type: EDS, eds_cluster_config: {{eds_config: {{ads: {{}}{field}}}}}").EndpointsTimeout.Should().Be(TimeSpan.FromSeconds(seconds));

    [Fact]
    public void A_wait_of_zero_has_no_end() =>
        Good("type: EDS, eds_cluster_config: {eds_config: {ads: {}, initial_fetch_timeout: 0s}}").EndpointsTimeout.Should().Be(Timeout.InfiniteTimeSpan);

    [Fact]
    public void Names_to_resolve_arrive()
    {
        var cluster = Good("type: STRICT_DNS, dns_refresh_rate: 30s, dns_lookup_family: V4_ONLY, load_assignment: {cluster_name: c, endpoints: [{priority: 1, lb_endpoints: [{load_balancing_weight: 3, endpoint: {address: {socket_address: {address: app.internal, port_value: 80}}}}]}]}");
        cluster.DnsTargets.Should().Equal(new DnsTarget(
            "app.internal", new EndpointConfig { Address = new SocketEndpoint(IPAddress.Any, 80), Hostname = "app.internal", Weight = 3, Priority = 1 }));
        cluster.Dns.Should().Be(new DnsSettings { Refresh = TimeSpan.FromSeconds(30), Family = DnsLookupFamily.V4Only });
    }

    [Theory]
    [InlineData("lb_policy: CLUSTER_PROVIDED", "lb_policy: ClusterProvided is not supported; use ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH or MAGLEV")]
    [InlineData("type: ORIGINAL_DST", "type: OriginalDst is not supported; use STATIC, EDS, STRICT_DNS or LOGICAL_DNS")]
    [InlineData("type: EDS, eds_cluster_config: {eds_config: {path_config_source: {path: /no/such/file}}}", "eds_cluster_config.eds_config.path_config_source.path: \"/no/such/file\" does not exist; name a file that holds a discovery response with endpoint assignments")]
    [InlineData("type: EDS, eds_cluster_config: {eds_config: {path: /no/such/file}}", "eds_cluster_config.eds_config.path: \"/no/such/file\" does not exist; name a file that holds a discovery response with endpoint assignments")]
    [InlineData("http_protocol_options: {}, http2_protocol_options: {}", "http2_protocol_options: excludes http_protocol_options, which is set too; keep one of the two")]
    [InlineData("least_request_lb_config: {choice_count: 101}", "least_request_lb_config.choice_count: 101 is more than 100; write a number from 2 to 100")]
    [InlineData("type: STRICT_DNS, dns_refresh_rate: 0s", "dns_refresh_rate: is shorter than a millisecond; write 1s or more")]
    [InlineData("transport_socket: {name: tls}", "transport_socket: \"tls\" is not supported; use a typed_config of envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, or remove it")]
    [InlineData("typed_extension_protocol_options: {http: {'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions}}", "typed_extension_protocol_options[\"http\"]: names no protocol that is known here; use the key \"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"")]
    [InlineData("load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: a.example, port_value: 80}}}}]}]}", "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.address: \"a.example\" is no IP address; write an IP address, or use a STRICT_DNS cluster for host names")]
    [InlineData("load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {pipe: {path: '@s', mode: 384}}}}]}]}", "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe.mode: a socket of the abstract namespace has no mode; leave it out")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string fields, string problem) => Problems(fields).Should().Equal(problem);

    [Fact]
    public void The_control_plane_may_speak_http_2()
    {
        Translate($"{HttpOptions} explicit_http_config: {{http2_protocol_options: {{}}}}}}}}", out var problems, isControlPlane: true).Should().NotBeNull();
        problems.Found.Should().BeEmpty();
    }
}

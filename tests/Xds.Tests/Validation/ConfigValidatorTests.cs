using System.Text;
using AwesomeAssertions;
using CsCheck;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Tests.Validation;

public sealed class ConfigValidatorTests
{
    private static IEnumerable<string> Errors<T>(string yaml)
        where T : class, IMessage, new() => ConfigLoader.Parse<T>("f.yaml", Encoding.UTF8.GetBytes(yaml)).Errors.Select(error => $"{error.Path}: {error.Message}");

    [Theory]
    [InlineData("[{name: a, domains: [x]}, {name: a, domains: [y]}]", "virtual_hosts[1].name: a virtual host \"a\" exists already at virtual_hosts[0]")]
    [InlineData("[{name: a, domains: [x]}, {name: b, domains: [X]}]", "virtual_hosts[1].domains[0]: the domain \"X\" is taken already by virtual host \"a\"")]
    [InlineData("[{name: a, domains: ['*', '*']}]", "virtual_hosts[0].domains[1]: the domain \"*\" is taken already by virtual host \"a\"")]
    [InlineData("[{name: a, domains: ['a.*.b']}]", "virtual_hosts[0].domains[0]: \"a.*.b\" has a wildcard that is not alone at one end")]
    [InlineData("[{name: a, domains: ['http://x']}]", "virtual_hosts[0].domains[0]: \"http://x\" is not a domain")]
    [InlineData("[{name: a}]", "virtual_hosts[0].domains: \"domains\" of VirtualHost is required")]
    [InlineData("[{name: a, domains: [x], request_headers_to_remove: [host]}]", "virtual_hosts[0].request_headers_to_remove[0]: \"host\" is not a header that may be removed")]
    [InlineData("[{name: a, domains: [x], request_headers_to_add: [{header: {key: ':path', value: x}}]}]", "virtual_hosts[0].request_headers_to_add[0].header.key: \":path\" is not a header that may be set")]
    public void A_wrong_virtual_host_is_reported(string hosts, string expected) =>
        Errors<RouteConfiguration>($"virtual_hosts: {hosts}").Should().Equal(expected);

    [Theory]
    [InlineData("max_concurrent_streams: 0", "max_concurrent_streams: 0 is out of range")]
    [InlineData("initial_stream_window_size: 65534", "initial_stream_window_size: 65534 is out of range")]
    [InlineData("initial_connection_window_size: 2147483648", "initial_connection_window_size: 2147483648 is out of range")]
    [InlineData("max_outbound_frames: 0", "max_outbound_frames: 0 is out of range")]
    [InlineData("max_outbound_control_frames: 0", "max_outbound_control_frames: 0 is out of range")]
    [InlineData("max_inbound_window_update_frames_per_data_frame_sent: 0", "max_inbound_window_update_frames_per_data_frame_sent: 0 is out of range")]
    [InlineData("connection_keepalive: {interval: 1s}", "connection_keepalive.timeout: \"timeout\" of KeepaliveSettings is required")]
    [InlineData("connection_keepalive: {timeout: 0s}", "connection_keepalive.timeout: is shorter than a millisecond")]
    [InlineData("connection_keepalive: {timeout: 1s, interval: 0.0005s}", "connection_keepalive.interval: is shorter than a millisecond")]
    [InlineData("connection_keepalive: {timeout: 1s, connection_idle_interval: 0s}", "connection_keepalive.connection_idle_interval: is shorter than a millisecond")]
    [InlineData("connection_keepalive: {timeout: -1s}", "connection_keepalive.timeout: the duration is negative")]
    [InlineData("connection_keepalive: {timeout: 1s, interval_jitter: {value: 101}}", "connection_keepalive.interval_jitter.value: 101 is out of range")]
    public void Settings_of_HTTP_2_have_Envoys_bounds(string fields, string expected) =>
        Errors<Cluster>($"{{name: c, type: STATIC, load_assignment: {{cluster_name: c}}, http2_protocol_options: {{{fields}}}}}").Should().Equal("http2_protocol_options." + expected);

    [Theory]
    [InlineData("{match: {prefix: /}}", ": Route needs one of route, redirect, direct_response, non_forwarding_action")]
    [InlineData("{direct_response: {status: 200}}", "match: \"match\" of Route is required")]
    [InlineData("{match: {}, direct_response: {status: 200}}", "match: RouteMatch needs one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, path_match_policy")]
    [InlineData("{match: {prefix: /}, direct_response: {status: 42}}", "direct_response.status: 42 is out of range")]
    [InlineData("{match: {prefix: /}, direct_response: {}}", "direct_response.status: 0 is out of range")]
    [InlineData("{match: {path_separated_prefix: /a/}, direct_response: {status: 200}}", "match.path_separated_prefix: \"/a/\" cannot be a prefix by path element")]
    [InlineData("{match: {path: /a?b}, direct_response: {status: 200}}", "match.path: \"/a?b\" can never match: a path ends before ? and #")]
    [InlineData("{match: {safe_regex: {regex: 'a(?=b)'}}, direct_response: {status: 200}}", "match.safe_regex.regex: is not a regular expression of RE2: look-around is not supported")]
    [InlineData("{match: {prefix: /, headers: [{string_match: {exact: a}}]}, direct_response: {status: 200}}", "match.headers[0].name: \"name\" of HeaderMatcher is required")]
    [InlineData("{match: {prefix: /, headers: [{name: a, range_match: {start: 5, end: 5}}]}, direct_response: {status: 200}}", "match.headers[0].range_match: the range from 5 to 5 is empty")]
    [InlineData("{match: {prefix: /, headers: [{name: a, string_match: {prefix: ''}}]}, direct_response: {status: 200}}", "match.headers[0].string_match.prefix: is empty, which would match everything")]
    [InlineData("{match: {prefix: /, runtime_fraction: {default_value: {numerator: 101}}}, direct_response: {status: 200}}", "match.runtime_fraction.default_value.numerator: 101 of 100 is more than the whole")]
    [InlineData("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: a, weight: 0}]}}}", "route.weighted_clusters.clusters: the sum of the weights is 0")]
    [InlineData("{match: {prefix: /}, route: {weighted_clusters: {clusters: [{weight: 1}]}}}", "route.weighted_clusters.clusters[0]: needs exactly one of name and cluster_header")]
    [InlineData("{match: {prefix: /}, route: {cluster: a, timeout: -1s}}", "route.timeout: the duration is negative")]
    [InlineData("{match: {prefix: /}, route: {cluster: a, regex_rewrite: {pattern: {regex: '(a)'}, substitution: '\\2'}}}", "route.regex_rewrite.substitution: \\2 stands for a group that the pattern does not have")]
    [InlineData("{match: {prefix: /}, route: {cluster: a, max_stream_duration: {grpc_timeout_header_max: -1s}}}", "route.max_stream_duration.grpc_timeout_header_max: the duration is negative")]
    public void A_wrong_route_is_reported(string route, string expected) => Errors<Route>(route).Should().Equal(expected);

    [Fact]
    public void A_load_balancing_policy_may_be_one_that_nobody_here_knows()
    {
        var cluster = new Cluster
        {
            Name = "c",
            LoadAssignment = new ClusterLoadAssignment { ClusterName = "c" },
            LoadBalancingPolicy = new LoadBalancingPolicy
            {
                Policies =
                {
                    new LoadBalancingPolicy.Types.Policy
                    {
                        TypedExtensionConfig = new() { Name = "example", TypedConfig = new() { TypeUrl = "type.googleapis.com/example.v1.Unknown", Value = ByteString.CopyFromUtf8("?") } },
                    },
                },
            },
        };

        ConfigValidator.Check(cluster).Should().BeEmpty();
    }

    [Fact]
    public void A_static_route_to_no_cluster_is_reported_with_the_nearest_name()
    {
        const string Text =
            """
            static_resources:
              listeners:
              - name: l
                address: {socket_address: {address: 0.0.0.0, port_value: 80}}
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: x
                      route_config:
                        virtual_hosts:
                        - {name: a, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: backedn}}]}
                      http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
              - name: l
                address: {socket_address: {address: 0.0.0.0, port_value: 80}}
                filter_chains: [{filters: []}]
              clusters:
              - {name: backend, load_assignment: {cluster_name: backend}}
            """;
        var errors = ConfigLoader.Parse<Bootstrap>("f.yaml", Encoding.UTF8.GetBytes(Text)).Errors.Select(error => error.ToString());
        errors.Should().Equal(
            "f.yaml:13: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route.cluster: there is no cluster \"backedn\"; did you mean \"backend\"?",
            "f.yaml:15: static_resources.listeners[1].name: a listener \"l\" exists already at static_resources.listeners[0]; give each listener its own name",
            "f.yaml:16: static_resources.listeners[1].address: 0.0.0.0:80 is the address of static_resources.listeners[0] too; give each listener its own address",
            "f.yaml:17: static_resources.listeners[1].filter_chains[0].filters: a filter chain without filters closes every connection; add an HTTP connection manager");
    }

    [Fact]
    public void Undeclared_fields_on_the_wire_are_named_with_their_path()
    {
        // VirtualHost.cors (8) and a field that nobody knows, inside virtual_hosts (2) of a route configuration.
        var host = new VirtualHost { Name = "a", Domains = { "*" } }.ToByteArray().Concat(new byte[] { 0x42, 0x00, 0xF8, 0x3F, 0x01 }).ToArray();
        byte[] wire = [0x12, (byte)host.Length, .. host];
        WireInspector.FindUndeclared(RouteConfiguration.Descriptor, wire).Select(problem => problem.ToString()).Should().Equal(
            "virtual_hosts[0].cors: \"cors\" is a field of the xDS API that this proxy does not act on; leave it out",
            "virtual_hosts[0]: field 1023 of VirtualHost is not known; leave it out");
    }

    [Fact]
    public void A_resource_over_the_wire_is_checked_like_a_file()
    {
        var assignment = new ClusterLoadAssignment
        {
            ClusterName = "a",
            Endpoints = { new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = new() { SocketAddress = new() { Address = "name", PortValue = 1 } } } } } } },
        };
        var result = ResourceChecker.Check(Google.Protobuf.WellKnownTypes.Any.Pack(assignment));
        result.IsValid.Should().BeFalse();
        result.Problems.Single().Path.ToString().Should().Be("endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address");
    }

    [Fact]
    public void An_enum_number_that_is_not_known_is_a_fault()
    {
        var cluster = new Cluster { Name = "a", LbPolicy = (Cluster.Types.LbPolicy)77, LoadAssignment = new() { ClusterName = "a" } };
        ConfigValidator.Check(cluster).Select(problem => $"{problem.Path}: {problem.Message}").Should().Equal("lb_policy: 77 is no value of LbPolicy");
    }

    [Fact]
    public void Bytes_that_are_no_message_are_a_fault_and_never_throw() => Check.Sample(
        Gen.Select(Gen.Byte.Array[0, 40], Gen.Int[0, XdsTypes.All.Count - 1]),
        input =>
        {
            var type = XdsTypes.All[input.Item2];
            ResourceChecker.Check(new() { TypeUrl = XdsTypeUrls.Prefix + type.FullName, Value = ByteString.CopyFrom(input.Item1) });
            WireInspector.FindUndeclared(type, input.Item1);
        },
        iter: 20_000,
        threads: 1);

    [Fact]
    public void An_unknown_resource_type_is_a_fault() =>
        ResourceChecker.Check(new() { TypeUrl = "type.googleapis.com/envoy.config.cluster.v3.Clutser" }).Problems.Single().Remedy
            .Should().Be("did you mean \"type.googleapis.com/envoy.config.cluster.v3.Cluster\"?");
}

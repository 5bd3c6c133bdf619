using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Xds.Tests.Loading;

/// <summary>One wrong thing at a time, and the one line that the user gets for it.</summary>
public sealed class LoaderErrorTests
{
    private const string Cluster = "static_resources:\n  clusters:\n  - name: a\n    load_assignment: {cluster_name: a}\n";

    private static IReadOnlyList<string> Errors(string text, string file = "f.yaml") =>
        [.. ConfigLoader.Parse<Bootstrap>(file, Encoding.UTF8.GetBytes(text)).Errors.Select(error => error.ToString())];

    [Theory]
    [InlineData("nodes: {}", "f.yaml:1: nodes: unknown field \"nodes\" of Bootstrap; did you mean \"node\"?")]
    [InlineData("stats_sinks: {}", "f.yaml:1: stats_sinks: \"stats_sinks\" is a field of the xDS API that this proxy does not act on; remove it")]
    [InlineData("statsSinks: {}", "f.yaml:1: statsSinks: \"statsSinks\" is a field of the xDS API that this proxy does not act on; remove it")]
    [InlineData("node: {id: 5}", "f.yaml:1: node.id: expects text, but this is the number 5; put it in quotes: \"5\"")]
    [InlineData("node: {id: true}", "f.yaml:1: node.id: expects text, but this is true; put it in quotes: \"true\"")]
    [InlineData("node: x", "f.yaml:1: node: expects a mapping, but this is the text \"x\"; write the fields of Node, or {} for an empty one")]
    [InlineData("node: {client_features: 5}", "f.yaml:1: node.client_features: expects a list, but this is the number 5; write a list, each element behind a \"-\"")]
    [InlineData("static_resources: {clusters: x}", "f.yaml:1: static_resources.clusters: expects a list, but this is the text \"x\"; write a list, each element behind a \"-\"")]
    [InlineData("static_resources:\n  clusters:\n    load_assignment: {cluster_name: a}\n    nam: x", "f.yaml:4: static_resources.clusters[0].nam: unknown field \"nam\" of Cluster; did you mean \"name\"?")]
    [InlineData("node: {id: a, id: b}", "f.yaml:1: node.id: \"id\" stands twice in this mapping, first in line 1; remove one of the two")]
    [InlineData("stats_flush_interval: 5s\nstatsFlushInterval: 6s", "f.yaml:2: stats_flush_interval: \"statsFlushInterval\" is set a second time; keep one of the two")]
    [InlineData("stats_flush_interval: 250ms", "f.yaml:1: stats_flush_interval: expects a duration, but this is the text \"250ms\"; write 0.25s")]
    [InlineData("stats_flush_interval: 5", "f.yaml:1: stats_flush_interval: expects a duration, but this is the number 5; write 5s")]
    [InlineData("stats_flush_interval: soon", "f.yaml:1: stats_flush_interval: expects a duration, but this is the text \"soon\"; write seconds with their unit, such as 15s or 0.25s")]
    [InlineData("stats_flush_interval: -1s", "f.yaml:1: stats_flush_interval: the duration is negative; write a duration of 0s or more")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4, port_value: 70000}}}", "f.yaml:1: admin.address.socket_address.port_value: 70000 is out of range; write a number from 0 to 65535")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4, port_value: -1}}}", "f.yaml:1: admin.address.socket_address.port_value: -1 is out of range; write a whole number from 0 to 4294967295")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4, port_value: 1.5}}}", "f.yaml:1: admin.address.socket_address.port_value: expects a whole number, but this is the number 1.5; leave out the decimals")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4, port_value: http}}}", "f.yaml:1: admin.address.socket_address.port_value: expects a whole number, but this is the text \"http\"; write digits only")]
    [InlineData("admin: {address: {socket_address: {address: here, port_value: 1}}}", "f.yaml:1: admin.address.socket_address.address: \"here\" is not an IP address; write an IPv4 or IPv6 address, or use a cluster of type STRICT_DNS for a name")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4}}}", "f.yaml:1: admin.address.socket_address: SocketAddress needs one of port_value, named_port; add exactly one of them")]
    [InlineData("admin: {address: {}}", "f.yaml:1: admin.address: Address needs one of socket_address, pipe; add exactly one of them")]
    [InlineData("admin: {address: {socket_address: {address: 1.2.3.4, port_value: 1}, pipe: {path: /x}}}", "f.yaml:1: admin.address.pipe: excludes \"socket_address\", which is set too: both are of the oneof address; keep one of the two")]
    [InlineData("admin: {access_log: [{typed_config: {path: x}}]}", "f.yaml:1: admin.access_log[0].typed_config.@type: \"@type\" is missing or no text; add \"@type\" with the type URL of what follows")]
    [InlineData("admin: {access_log: [{typed_config: {'@type': type.googleapis.com/envoy.x.Lua}}]}", "f.yaml:1: admin.access_log[0].typed_config.@type: the type \"type.googleapis.com/envoy.x.Lua\" is not supported here; use a type that is, or remove what it configures")]
    [InlineData("admin: {access_log: [{typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}", "f.yaml:1: admin.access_log[0].typed_config: a envoy.extensions.filters.http.router.v3.Router has no place here; use one of envoy.extensions.access_loggers.file.v3.FileAccessLog, envoy.extensions.access_loggers.stream.v3.StderrAccessLog, envoy.extensions.access_loggers.stream.v3.StdoutAccessLog")]
    [InlineData("node: &n {id: a}\n<<: *n", "f.yaml:2: <<: merge keys (<<) are not supported; write the merged fields out, or use an alias for a whole value")]
    [InlineData("node: *n", "f.yaml:1: node: alias *n has no anchor before it; write &n at the value that is meant")]
    [InlineData("node: !custom {id: a}", "f.yaml:1: node: the tag !custom is not supported; remove the tag")]
    [InlineData("? [a]\n: b", "f.yaml:1: a list is used as a key; use text as the key")]
    [InlineData("- a", "f.yaml:1: expects a mapping, but this is a list; write the fields of Bootstrap")]
    [InlineData("", "f.yaml: the file is empty; write a configuration into it")]
    [InlineData("node: {id: a}\n---\nnode: {id: b}", "f.yaml:3: a second document begins here; keep one document in the file")]
    public void One_fault_gives_one_line(string text, string expected) => Errors(text).Should().Equal(expected);

    [Theory]
    [InlineData("    lb_policy: ROUND_ROBBIN", "f.yaml:5: static_resources.clusters[0].lb_policy: \"ROUND_ROBBIN\" is no value of LbPolicy; did you mean ROUND_ROBIN? use one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG")]
    [InlineData("    lb_policy: 99", "f.yaml:5: static_resources.clusters[0].lb_policy: expects a value of LbPolicy, but this is the number 99; use one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG")]
    [InlineData("    respect_dns_ttl: yes", "f.yaml:5: static_resources.clusters[0].respect_dns_ttl: expects true or false, but this is the text \"yes\"; write true or false, without quotes")]
    [InlineData("    connect_timeout: 0s", "f.yaml:5: static_resources.clusters[0].connect_timeout: no connection can be made in 0s; write a longer duration, or leave it out for 5s")]
    [InlineData("    type: EDS", "f.yaml:3: static_resources.clusters[0].eds_cluster_config: a cluster of type EDS needs eds_cluster_config; add eds_cluster_config with an eds_config", "f.yaml:4: static_resources.clusters[0].load_assignment: a cluster of type EDS gets its endpoints from elsewhere; remove it, or choose the type STATIC")]
    [InlineData("    common_lb_config: {healthy_panic_threshold: {value: 101}}", "f.yaml:5: static_resources.clusters[0].common_lb_config.healthy_panic_threshold.value: 101 is out of range; write a number from 0 to 100")]
    [InlineData("  - name: a\n    load_assignment: {cluster_name: a}", "f.yaml:5: static_resources.clusters[1].name: a cluster \"a\" exists already at static_resources.clusters[0]; give each cluster its own name")]
    [InlineData("  - load_assignment: {cluster_name: a}", "f.yaml:5: static_resources.clusters[1].name: \"name\" of Cluster is required; add \"name\"")]
    [InlineData("  - nam: b\n    load_assignment: {cluster_name: a}", "f.yaml:5: static_resources.clusters[1].nam: unknown field \"nam\" of Cluster; did you mean \"name\"?")]
    [InlineData("    cluster_type: {name: x}", "f.yaml:5: static_resources.clusters[0].cluster_type.name: \"x\" is no kind of cluster that is known here; use envoy.cluster.dns, envoy.cluster.strict_dns, envoy.cluster.logical_dns, envoy.cluster.static or envoy.cluster.eds")]
    [InlineData("    dns_jitter: -1s", "f.yaml:5: static_resources.clusters[0].dns_jitter: the duration is negative; write a duration of 0s or more")]
    [InlineData("    typed_dns_resolver_config: {name: r, typed_config: {'@type': type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, edns0_max_payload_size: 100}}", "f.yaml:5: static_resources.clusters[0].typed_dns_resolver_config.typed_config.edns0_max_payload_size: 100 is out of range; write a number from 512 to 4096")]
    [InlineData("    lrs_server: {self: {}}", "f.yaml:5: static_resources.clusters[0].lrs_server: \"lrs_server\" is a field of the xDS API that this proxy does not act on; remove it")]
    [InlineData("    cleanup_interval: 5s", "f.yaml:5: static_resources.clusters[0].cleanup_interval: \"cleanup_interval\" is a field of the xDS API that this proxy does not act on; remove it")]
    public void One_fault_in_a_cluster_gives_its_lines(string line, params string[] expected) => Errors(Cluster + line).Should().Equal(expected);

    [Fact]
    public void Every_error_of_a_file_is_reported_by_line()
    {
        var errors = Errors(
            """
            node: {id: 1}
            static_resources:
              clusters:
              - name: a
                conect_timeout: 1s
                load_assignment:
                  cluster_name: a
                  endpoints:
                  - lb_endpoints:
                    - endpoint: {address: {socket_address: {address: 300.0.0.1, port_value: 1}}}
                    - nonsense
                    - endpoint: {address: {socket_address: {address: also-wrong, port_value: 99999}}}
              - name: a
                load_assignment: {}
            """);
        errors.Select(error => string.Join(':', error.Split(':')[..3])).Should().Equal(
            "f.yaml:1: node.id",
            "f.yaml:5: static_resources.clusters[0].conect_timeout",
            "f.yaml:10: static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address",
            "f.yaml:11: static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[1]",
            "f.yaml:12: static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[2].endpoint.address.socket_address.address",
            "f.yaml:12: static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[2].endpoint.address.socket_address.port_value",
            "f.yaml:13: static_resources.clusters[1].name",
            "f.yaml:14: static_resources.clusters[1].load_assignment.cluster_name");
    }

    [Fact]
    public void A_value_in_json_is_reported_at_its_place()
    {
        var result = ConfigLoader.Parse<Bootstrap>("f.json", "{\n  \"node\": {\n    \"id\": 5 }\n}"u8);
        result.Errors.Single().Should().Be(new ConfigError("f.json", 3, 11, "node.id", "expects text, but this is the number 5", "put it in quotes: \"5\""));
    }

    [Fact]
    public void Numbers_in_quotes_are_numbers_and_base64_is_bytes()
    {
        var result = ConfigLoader.Parse<Envoy.Config.Route.V3.DirectResponseAction>("f.yaml", "status: \"0x194\"\nbody: {inline_bytes: aGk_}"u8);
        result.Errors.Should().BeEmpty();
        result.Value!.Status.Should().Be(404);
        result.Value.Body.InlineBytes.ToStringUtf8().Should().Be("hi?");
    }

    [Fact]
    public void Bytes_that_are_not_base64_are_an_error()
    {
        var result = ConfigLoader.Parse<Envoy.Config.Route.V3.DirectResponseAction>("f.yaml", "status: 200\nbody: {inline_bytes: '***'}"u8);
        result.Errors.Single().ToString().Should().Be("f.yaml:2: body.inline_bytes: is not valid base64; encode the bytes as base64");
    }

    [Fact]
    public void A_flood_of_errors_is_cut()
    {
        var text = string.Join('\n', Enumerable.Range(0, 2000).Select(i => $"unknown_{i}: 1"));
        var errors = Errors(text);
        errors.Should().HaveCount(501);
        errors[^1].Should().Be("f.yaml: more than 500 errors; correct these first");
    }
}

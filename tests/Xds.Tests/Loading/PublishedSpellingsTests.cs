using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using KubeProxyNet.Xds.Loading;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Tests.Loading;

/// <summary>What Envoy's own published bootstraps write otherwise than protobuf's JSON form has it, and Envoy's parser takes.</summary>
public sealed class PublishedSpellingsTests
{
    private static LoadResult<Bootstrap> Load(string text) => ConfigLoader.Parse<Bootstrap>("envoy.yaml", System.Text.Encoding.UTF8.GetBytes(text));

    [Theory]
    [InlineData("strict_dns", "round_robin")]
    [InlineData("Strict_Dns", "Round_Robin")]
    public void Names_of_values_are_read_in_any_case(string type, string policy)
    {
        var loaded = Load($"static_resources: {{clusters: [{{name: a, type: {type}, lb_policy: {policy}, load_assignment: {{cluster_name: a}}}}]}}");

        loaded.Errors.Should().BeEmpty();
        var cluster = loaded.Value!.StaticResources.Clusters.Single();
        cluster.Type.Should().Be(Cluster.Types.DiscoveryType.StrictDns);
        cluster.LbPolicy.Should().Be(Cluster.Types.LbPolicy.RoundRobin);
    }

    [Fact]
    public void A_list_of_one_may_be_written_as_its_element()
    {
        var loaded = Load("""
            node: {client_features: x}
            static_resources:
              clusters:
                name: a
                load_assignment:
                  cluster_name: a
                  endpoints:
                    lb_endpoints:
                      endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 80}}}
            """);

        loaded.Errors.Should().BeEmpty();
        loaded.Value!.Node.ClientFeatures.Should().Equal("x");
        loaded.Value.StaticResources.Clusters.Single().LoadAssignment.Endpoints.Single().LbEndpoints.Single().Endpoint.Address.SocketAddress.PortValue.Should().Be(80);
    }

    [Fact]
    public void What_is_wrong_in_it_has_its_line()
    {
        var places = Load("static_resources:\n  clusters:\n    name: a\n    type: STATIC\n    load_assignment: {cluster_name: a}\n").Places!;

        var problem = new ConfigProblem(ConfigProblemKind.Invalid, ConfigPath.Root.Field("static_resources").Field("clusters").Index(0).Field("type"), "is wrong", "correct it");
        places.ErrorOf(problem).ToString().Should().Be("envoy.yaml:4: static_resources.clusters[0].type: is wrong; correct it");
    }

    [Theory]
    [InlineData("{seconds: 5}", "\"5s\"")]
    [InlineData("{seconds: '5', nanos: 250000000}", "\"5.250s\"")]
    [InlineData("{nanos: 1000000}", "\"0.001s\"")]
    [InlineData("{}", "\"0s\"")]
    public void Durations_may_be_written_by_their_fields(string text, string duration)
    {
        var loaded = Load($"stats_flush_interval: {text}");

        loaded.Errors.Should().BeEmpty();
        loaded.Value!.StatsFlushInterval.ToString().Should().Be(duration);
    }

    [Theory]
    [InlineData("{nanos: 1000000000}")]
    [InlineData("{seconds: 1, nanos: -1}")]
    [InlineData("{seconds: 400000000000}")]
    public void What_is_no_duration_by_its_fields_is_refused(string text) => Load($"stats_flush_interval: {text}").Errors.Select(static error => error.ToString()).Should().Equal(
        "envoy.yaml:1: stats_flush_interval: is no duration: nanos are less than a second, of the sign of the seconds; write seconds with their unit, such as 15s or 0.25s");

    [Fact]
    public void Statistics_flushed_on_admin_ask_for_what_happens_anyway() => Load("stats_flush_on_admin: true").Errors.Should().BeEmpty();
}

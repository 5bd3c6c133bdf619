using AwesomeAssertions;
using Envoy.Config.Endpoint.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class EndpointTranslatorTests
{
    private static EndpointConfig One(string endpoint, string locality = "")
    {
        var problems = new TranslationProblems();
        var endpoints = EndpointTranslator.Translate(FromYaml.Message<ClusterLoadAssignment>($"{{cluster_name: c, endpoints: [{{{locality} lb_endpoints: [{endpoint}]}}]}}"), problems);
        problems.Found.Should().BeEmpty();
        return endpoints!.Value.Single();
    }

    [Fact]
    public void An_endpoint_without_settings_has_envoys_defaults()
    {
        var endpoint = One("{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}");
        endpoint.Address.ToString().Should().Be("10.0.0.1:80");
        endpoint.Should().Be(new EndpointConfig { Address = endpoint.Address, Weight = 1, Priority = 0, Health = EndpointHealth.Unknown, Hostname = "", Locality = "" });
    }

    [Fact]
    public void Settings_arrive()
    {
        var endpoint = One(
            "{load_balancing_weight: 2000000000, endpoint: {hostname: h, address: {socket_address: {address: 'fd00::1', port_value: 80}}}}",
            "priority: 2, locality: {region: eu, zone: eu-1, sub_zone: rack},");
        endpoint.Address.ToString().Should().Be("[fd00::1]:80");
        endpoint.Should().Be(new EndpointConfig { Address = endpoint.Address, Weight = 2_000_000_000, Priority = 2, Hostname = "h", Locality = "eu/eu-1/rack" });
    }

    [Theory]
    [InlineData("UNKNOWN", EndpointHealth.Unknown)]
    [InlineData("HEALTHY", EndpointHealth.Healthy)]
    [InlineData("DEGRADED", EndpointHealth.Degraded)]
    [InlineData("UNHEALTHY", EndpointHealth.Unhealthy)]
    [InlineData("DRAINING", EndpointHealth.Draining)]
    [InlineData("TIMEOUT", EndpointHealth.Timeout)]
    public void Health_arrives(string status, EndpointHealth health) =>
        One($"{{health_status: {status}, endpoint: {{address: {{socket_address: {{address: 10.0.0.1, port_value: 80}}}}}}}}").Health.Should().Be(health);

    [Fact]
    public void What_balancing_by_locality_and_by_hash_needs_arrives()
    {
        var endpoint = One(
            "{metadata: {filter_metadata: {envoy.lb: {hash_key: shard-7}}}, endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}",
            "load_balancing_weight: 4000000000,");
        endpoint.HashKey.Should().Be("shard-7");
        endpoint.LocalityWeight.Should().Be(4_000_000_000);
    }

    [Fact]
    public void Every_fault_is_named()
    {
        var problems = new TranslationProblems();
        EndpointTranslator.Translate(
            FromYaml.Message<ClusterLoadAssignment>("""
                cluster_name: c
                endpoints:
                - lb_endpoints:
                  - {load_balancing_weight: 4000000000, endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}
                  - {endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80, protocol: UDP}}}}
                """),
            problems).Should().BeNull();
        problems.Found.Select(static problem => problem.ToString()).Should().Equal(
            "endpoints[0].lb_endpoints[0].load_balancing_weight: 4000000000 is more than 2147483647; divide all weights by the same number",
            "endpoints[0].lb_endpoints[1].endpoint.address: only TCP socket addresses are supported; use socket_address with address and port_value");
    }
}

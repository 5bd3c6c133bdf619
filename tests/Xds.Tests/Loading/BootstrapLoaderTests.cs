using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Cluster.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using KubeProxyNet.Testing;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Xds.Tests.Loading;

public sealed class BootstrapLoaderTests
{
    private static string File => Path.Combine(AppContext.BaseDirectory, "Data", "bootstrap.yaml");

    private static Bootstrap Load()
    {
        var result = BootstrapLoader.Load(File);
        result.Errors.Should().BeEmpty();
        return result.Value!;
    }

    [Fact]
    public void An_everyday_bootstrap_loads_with_every_value()
    {
        var bootstrap = Load();
        bootstrap.Node.Id.Should().Be("edge-7f9c");
        bootstrap.Node.Metadata.Fields["shards"].ListValue.Values.Should().HaveCount(5);
        bootstrap.Node.Metadata.Fields["shards"].ListValue.Values[4].StructValue.Fields["deep"].StringValue.Should().Be("yes");
        bootstrap.DynamicResources.AdsConfig.GrpcServices[0].EnvoyGrpc.ClusterName.Should().Be("xds_cluster");

        var manager = bootstrap.StaticResources.Listeners[0].FilterChains[0].Filters[0].TypedConfig.Unpack<HttpConnectionManager>();
        manager.UseRemoteAddress.Should().BeTrue();
        manager.StreamIdleTimeout.Seconds.Should().Be(300);
        manager.RouteConfig.VirtualHosts[0].Routes[0].Route_.WeightedClusters.Clusters[1].Weight.Should().Be(10);
        manager.RouteConfig.VirtualHosts[0].Routes[0].Match.Headers[0].StringMatch.Exact.Should().Be("true");

        var clusters = bootstrap.StaticResources.Clusters;
        clusters[0].Type.Should().Be(Cluster.Types.DiscoveryType.StrictDns);
        clusters[0].ConnectTimeout.Nanos.Should().Be(250_000_000);
        clusters[1].LoadAssignment.Endpoints[0].LbEndpoints[0].LoadBalancingWeight.Should().Be(3);
    }

    [Fact]
    public void The_same_bootstrap_loads_from_our_own_json()
    {
        var document = ConfigDocument.Load(File).Documents.Single();
        var result = ConfigLoader.Parse<Bootstrap>("bootstrap.json", document.Root.ToUtf8Json());
        result.Errors.Should().BeEmpty();
        result.Value.Should().Be(Load());
    }

    [Fact]
    public void The_same_bootstrap_loads_from_the_json_of_protobuf()
    {
        var bootstrap = Load();
        var json = new JsonFormatter(new JsonFormatter.Settings(formatDefaultValues: false, XdsTypes.Registry)).Format(bootstrap);
        var result = ConfigLoader.Parse<Bootstrap>("bootstrap.json", System.Text.Encoding.UTF8.GetBytes(json));
        result.Errors.Should().BeEmpty();
        result.Value.Should().Be(bootstrap);
    }

    [Fact]
    public void A_bootstrap_survives_the_wire()
    {
        var bootstrap = Load();
        Bootstrap.Parser.ParseFrom(bootstrap.ToByteArray()).Should().Be(bootstrap);
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_error_that_names_it()
    {
        var result = BootstrapLoader.Load("/nowhere/envoy.yaml");
        result.Succeeded.Should().BeFalse();
        result.Errors.Single().ToString().Should().Be("/nowhere/envoy.yaml: no such file; check the path and its permissions");
    }

    [Fact]
    public void A_listener_without_a_name_is_named_after_its_address()
    {
        using var folder = new TempFolder();
        const string Listener = "address: { socket_address: { address: 127.0.0.1, port_value: 0 } }, filter_chains: [ { filters: [ { name: f, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit, stat_prefix: x, max_connections: 1 } } ] } ]";
        var file = folder.Write("envoy.yaml", $"static_resources: {{ listeners: [ {{ {Listener} }}, {{ name: own, {Listener} }}, {{ {Listener} }} ] }}");

        BootstrapLoader.Load(file).Value!.StaticResources.Listeners.Select(static listener => listener.Name).Should().Equal("127.0.0.1_0", "own", "127.0.0.1_0_2");
    }
}

using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Config;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class ControlPlaneConnectionTests
{
    private const string Cluster = "static_resources: {clusters: [{name: xds, connect_timeout: 2s, load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 1}}}}, {endpoint: {address: {socket_address: {address: '::1', port_value: 2}}}}]}]}}]}";

    private static ControlPlaneConnection Of(string dynamic, out TranslationProblems problems, string clusters = Cluster) =>
        ControlPlaneConnection.Of(FromYaml.Message<Bootstrap>($"{{{clusters}, dynamic_resources: {{{dynamic}}}}}"), problems = new TranslationProblems());

    private static ControlPlaneConnection Good(string dynamic)
    {
        var connection = Of(dynamic, out var problems);
        problems.Found.Should().BeEmpty();
        return connection;
    }

    private static string Ads(string more = "grpc_services: [{envoy_grpc: {cluster_name: xds}}]") => $"ads_config: {{api_type: GRPC, {more}}}, cds_config: {{ads: {{}}}}, lds_config: {{ads: {{}}}}";

    [Fact]
    public void The_control_plane_is_where_its_cluster_says()
    {
        var connection = Good(Ads());
        connection.Ads!.Text.Should().Be("10.0.0.1:1, [::1]:2");
        connection.Ads.ConnectTimeout.Should().Be(TimeSpan.FromSeconds(2));
        connection.Ads.Next().Should().Be("http://10.0.0.1:1");
        connection.Ads.Next().Should().Be("http://[::1]:2");
        connection.Ads.Next().Should().Be("http://10.0.0.1:1");
        (connection.ClustersOverAds, connection.ListenersOverAds).Should().Be((true, true));
    }

    [Fact]
    public void The_control_plane_may_be_given_by_its_address() => Good(Ads("grpc_services: [{google_grpc: {target_uri: 'cp:18000'}}]")).Ads!.Next().Should().Be("http://cp:18000");

    [Fact]
    public void Clusters_and_listeners_may_stand_in_files()
    {
        var connection = Good("cds_config: {path_config_source: {path: c.yaml}}, lds_config: {path: l.yaml}");
        (connection.ClusterFile, connection.ListenerFile, connection.Ads).Should().Be(("c.yaml", "l.yaml", null));
    }

    [Theory]
    [InlineData("cds_config: {ads: {}}, lds_config: {ads: {}}", 15)]
    [InlineData("cds_config: {ads: {}, initial_fetch_timeout: 1s}, lds_config: {ads: {}, initial_fetch_timeout: 3s}", 3)]
    [InlineData("cds_config: {ads: {}, initial_fetch_timeout: 1s}", 1)]
    public void The_start_waits_as_long_as_the_more_patient_of_the_two(string sources, int seconds) =>
        Good($"ads_config: {{api_type: GRPC, grpc_services: [{{envoy_grpc: {{cluster_name: xds}}}}]}}, {sources}").InitialFetchTimeout.Should().Be(TimeSpan.FromSeconds(seconds));

    [Fact]
    public void A_wait_of_zero_has_no_end() =>
        Good("ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}, cds_config: {ads: {}, initial_fetch_timeout: 0s}, lds_config: {ads: {}}")
            .InitialFetchTimeout.Should().Be(Timeout.InfiniteTimeSpan);

    [Theory]
    [InlineData("cds_config: {ads: {}}", "dynamic_resources.ads_config: \"ads_config\" is missing, but discovery is to go over ADS; add it, or give a path_config_source")]
    [InlineData("cds_config: {api_config_source: {}}", "dynamic_resources.cds_config: this source is not supported; use \"ads: {}\" or path_config_source")]
    [InlineData("ads_config: {api_type: DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}", "dynamic_resources.ads_config.api_type: DeltaGrpc is not supported; use GRPC")]
    [InlineData("ads_config: {api_type: GRPC}", "dynamic_resources.ads_config.grpc_services: there are 0 services; give exactly one")]
    [InlineData("ads_config: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: other}}]}", "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: there is no static cluster \"other\"; add it to static_resources.clusters")]
    public void What_cannot_be_done_is_named_with_path_and_remedy(string dynamic, string problem)
    {
        Of(dynamic, out var problems);
        problems.Found.Select(static found => found.ToString()).Should().Equal(problem);
    }

    [Fact]
    public void A_control_plane_without_an_address_is_refused()
    {
        Of(Ads(), out var problems, "static_resources: {clusters: [{name: xds}]}");
        problems.Found.Should().ContainSingle().Which.ToString().Should().Be("dynamic_resources.ads_config.grpc_services[0]: the cluster \"xds\" has no endpoint; give it a load_assignment");
    }
}

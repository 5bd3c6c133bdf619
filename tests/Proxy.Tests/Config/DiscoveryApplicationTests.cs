using AwesomeAssertions;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Protocol;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class DiscoveryApplicationTests
{
    [Fact]
    public async Task What_is_not_acted_on_is_told_once_for_each_resource_and_field()
    {
        await using var proxy = new ConfiguredProxy();
        var discovery = new Discovery(proxy);
        var cluster = Static("a", 1, "cleanup_interval: 1s");
        discovery.Apply(XdsTypeUrls.Cluster, cluster).Should().BeEmpty();
        cluster.ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1));
        discovery.Apply(XdsTypeUrls.Cluster, cluster, Static("b", 2, "cleanup_interval: 1s")).Should().BeEmpty();
        proxy.Log.Lines.Should().Equal(
            "Warning: Cluster \"a\" is used without regard to a part of it: cleanup_interval: \"cleanup_interval\" is a field of the xDS API that this proxy does not act on; remove it",
            "Warning: Cluster \"b\" is used without regard to a part of it: cleanup_interval: \"cleanup_interval\" is a field of the xDS API that this proxy does not act on; remove it");
        proxy.PortsOf("a").Should().Equal(1);
    }

    [Fact]
    public async Task What_shows_only_in_translation_is_told_as_well()
    {
        await using var proxy = new ConfiguredProxy();
        var discovery = new Discovery(proxy);
        discovery.Apply(XdsTypeUrls.Listener, Discovering("l", "r"));
        var routes = Routes("r", "a");
        routes.ValidateClusters = true;
        discovery.Apply(XdsTypeUrls.RouteConfiguration, routes).Should().BeEmpty();
        routes.MostSpecificHeaderMutationsWins = true;
        discovery.Apply(XdsTypeUrls.RouteConfiguration, routes).Should().BeEmpty();
        proxy.Log.Lines.Should().Equal(
            "Warning: RouteConfiguration \"r\" is used without regard to a part of it: validate_clusters: \"validate_clusters\" is a field of the xDS API that this proxy does not act on; remove it");
    }

    [Fact]
    public async Task In_a_file_it_is_a_fault()
    {
        await using var proxy = new ConfiguredProxy();
        var discovery = new Discovery(proxy);
        discovery.Apply(XdsTypeUrls.Listener, Discovering("l", "r"));
        var routes = Routes("r", "a");
        routes.ValidateClusters = true;
        discovery.Apply(XdsTypeUrls.RouteConfiguration, routes, ResourceOrigin.File).Should().ContainSingle().Which.Name.Should().Be("r");
    }

    [Fact]
    public async Task A_refused_resource_is_named_to_the_control_plane_and_in_the_log()
    {
        await using var proxy = new ConfiguredProxy();
        var discovery = new Discovery(proxy);
        discovery.Apply(XdsTypeUrls.Cluster, Static("a", 1, "maglev_lb_config: {table_size: 4}, outlier_detection: {}"), Static("b", 2)).Should().ContainSingle().Which.Name.Should().Be("a");
        proxy.Log.Lines.Should().Equal("Warning: Cluster \"a\" is refused, its last good version stays: maglev_lb_config.table_size: 4 is no prime number; write a prime, such as 65537");
        proxy.PortsOf("b").Should().Equal(2);
    }

    [Fact]
    public async Task Responses_are_counted_by_type_and_outcome()
    {
        await using var proxy = new ConfiguredProxy();
        var discovery = new Discovery(proxy);
        discovery.Apply(XdsTypeUrls.Cluster, Static("a", 1));
        discovery.Apply(XdsTypeUrls.Cluster, Static("a", 1, "maglev_lb_config: {table_size: 4}"));
        discovery.Apply(XdsTypeUrls.Listener, Discovering("edge", "r"));
        discovery.Apply(XdsTypeUrls.RouteConfiguration, Routes("r", "a"));
        proxy.Stat("cluster_manager.cds.update_attempt").Should().Be(2);
        proxy.Stat("cluster_manager.cds.update_success").Should().Be(1);
        proxy.Stat("cluster_manager.cds.update_rejected").Should().Be(1);
        proxy.Stat("listener_manager.lds.update_success").Should().Be(1);
        proxy.Stat("http.edge.rds.r.update_success").Should().Be(1);
    }

    /// <summary>What stands between the stream and the configuration.</summary>
    private sealed class Discovery(ConfiguredProxy proxy)
    {
        private readonly AdsClientSession _session = new(new Node());
        private readonly DiscoveryApplication _application = new(proxy.State, runtime: null, new DiscoveryStats(proxy.Stats), proxy.Log);
        private int _version;

        public IReadOnlyList<AdsRejection> Apply(string typeUrl, params IMessage[] resources) => Apply(typeUrl, ResourceOrigin.Wire, resources);

        public IReadOnlyList<AdsRejection> Apply(string typeUrl, IMessage resource, ResourceOrigin origin) => Apply(typeUrl, origin, resource);

        private IReadOnlyList<AdsRejection> Apply(string typeUrl, ResourceOrigin origin, params IMessage[] resources)
        {
            if (XdsTypeUrls.IsFullStateOfTheWorld(typeUrl))
            {
                _session.SubscribeToAll(typeUrl);
            }

            _session.Subscribe(XdsTypeUrls.RouteConfiguration, proxy.State.RouteSubscriptions);
            _session.BeginStream();
            var response = new DiscoveryResponse { TypeUrl = typeUrl, VersionInfo = $"{++_version}", Nonce = $"{_version}" };
            response.Resources.Add(resources.Select(Any.Pack));
            var update = _session.Receive(response)!;
            var rejections = _application.Apply(update, origin);
            _session.Complete(update, rejections);
            return rejections;
        }
    }
}

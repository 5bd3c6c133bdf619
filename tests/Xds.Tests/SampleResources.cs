using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Tests;

/// <summary>Small valid resources of each type.</summary>
internal static class SampleResources
{
    private static readonly ConfigSource Ads = new() { Ads = new AggregatedConfigSource() };

    public static Cluster Cluster(string name, double connectTimeout = 1) => new()
    {
        Name = name,
        Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new() { EdsConfig = Ads },
        ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(connectTimeout)),
    };

    public static ClusterLoadAssignment Endpoints(string cluster, uint port = 80) => new()
    {
        ClusterName = cluster,
        Endpoints =
        {
            new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new() { Address = Address(port) } } } },
        },
    };

    public static Listener Listener(string name, string routes, uint port = 8080) => new()
    {
        Name = name,
        Address = Address(port),
        FilterChains =
        {
            new FilterChain
            {
                Filters =
                {
                    new Filter
                    {
                        Name = "hcm",
                        TypedConfig = Any.Pack(new HttpConnectionManager
                        {
                            StatPrefix = "x",
                            Rds = new() { ConfigSource = Ads, RouteConfigName = routes },
                            HttpFilters = { new HttpFilter { Name = "router", TypedConfig = Any.Pack(new Router()) } },
                        }),
                    },
                },
            },
        },
    };

    public static RouteConfiguration Routes(string name, params string[] clusters)
    {
        var host = new VirtualHost { Name = "all", Domains = { "*" } };
        host.Routes.AddRange(clusters.Select(cluster => new Route { Match = new() { Prefix = "/" + cluster }, Route_ = new() { Cluster = cluster } }));
        return new RouteConfiguration { Name = name, VirtualHosts = { host } };
    }

    private static Address Address(uint port) => new() { SocketAddress = new() { Address = "127.0.0.1", PortValue = port } };
}

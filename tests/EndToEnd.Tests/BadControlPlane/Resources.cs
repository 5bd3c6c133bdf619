using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Router.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Endpoint = Envoy.Config.Endpoint.V3.Endpoint;

namespace KubeProxyNet.EndToEnd.Tests.BadControlPlane;

/// <summary>Small good resources of each type.</summary>
internal static class Resources
{
    private static readonly ConfigSource Ads = new() { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 };

    public static Cluster Cluster(string name) => new()
    {
        Name = name,
        Type = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = Ads },
        ConnectTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)),
    };

    public static ClusterLoadAssignment Endpoints(string cluster, int port, string address = "127.0.0.1") => new()
    {
        ClusterName = cluster,
        Endpoints = { new LocalityLbEndpoints { LbEndpoints = { new LbEndpoint { Endpoint = new Endpoint { Address = Address(port, address) } } } } },
    };

    /// <summary>Routes of any host: for each cluster, "/NAME" leads to it.</summary>
    public static RouteConfiguration Routes(string name, params string[] clusters)
    {
        var host = new VirtualHost { Name = "all", Domains = { "*" } };
        host.Routes.AddRange(clusters.Select(cluster => new Route
        {
            Match = new RouteMatch { Prefix = "/" + cluster },
            Route_ = new RouteAction { Cluster = cluster },
        }));
        return new RouteConfiguration { Name = name, VirtualHosts = { host } };
    }

    public static Listener Listener(string name, int port, string routes) => new()
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
                        Name = "envoy.filters.network.http_connection_manager",
                        TypedConfig = Any.Pack(new HttpConnectionManager
                        {
                            StatPrefix = name,
                            Rds = new Rds { ConfigSource = Ads, RouteConfigName = routes },
                            HttpFilters = { new HttpFilter { Name = "envoy.filters.http.router", TypedConfig = Any.Pack(new Router()) } },
                        }),
                    },
                },
            },
        },
    };

    public static Address Address(int port, string address = "127.0.0.1") =>
        new() { SocketAddress = new SocketAddress { Address = address, PortValue = (uint)port } };
}

using Envoy.Config.Cluster.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Xds.Serving;

/// <summary>Finds the resources that a resource names.</summary>
internal static class ResourceReferences
{
    /// <summary>Each reference once.</summary>
    public static IReadOnlyList<XdsReference> Of(IMessage message) => message switch
    {
        Cluster { EdsClusterConfig: { } source, Type: Cluster.Types.DiscoveryType.Eds } cluster =>
            [new XdsReference(XdsTypeUrls.ClusterLoadAssignment, source.ServiceName.Length > 0 ? source.ServiceName : cluster.Name)],
        RouteConfiguration routes => [.. ClustersOf(routes).Distinct()],
        Listener listener => [.. ChainsOf(listener).SelectMany(chain => chain.Filters).SelectMany(OfFilter).Distinct()],
        _ => [],
    };

    private static IEnumerable<FilterChain> ChainsOf(Listener listener) =>
        listener.DefaultFilterChain is { } chain ? listener.FilterChains.Append(chain) : listener.FilterChains;

    private static IEnumerable<XdsReference> OfFilter(Filter filter)
    {
        if (filter.TypedConfig?.TryUnpack<HttpConnectionManager>(out var manager) != true)
        {
            return TcpClusters.Of(filter, ConfigPath.Root).Select(use => new XdsReference(XdsTypeUrls.Cluster, use.Cluster));
        }

        return manager.Rds is { } rds ? [new XdsReference(XdsTypeUrls.RouteConfiguration, rds.RouteConfigName)]
            : manager.RouteConfig is { } routes ? ClustersOf(routes)
            : [];
    }

    private static IEnumerable<XdsReference> ClustersOf(RouteConfiguration routes) =>
        RouteRules.ClusterNames(routes, ConfigPath.Root).Select(use => new XdsReference(XdsTypeUrls.Cluster, use.Cluster));
}

using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;

namespace KubeProxyNet.Xds.Validation;

/// <summary>The clusters that TCP proxy filters name.</summary>
internal static class TcpClusters
{
    /// <summary>Each cluster and where it is named; none for another filter, or for bytes that are malformed, which is told where the filter is checked by itself.</summary>
    /// <param name="filter">Any network filter.</param>
    /// <param name="path">Of its configuration.</param>
    public static IEnumerable<(string Cluster, ConfigPath Path)> Of(Filter filter, ConfigPath path)
    {
        if (filter.TypedConfig is not { } config || !config.Is(TcpProxy.Descriptor) || !WireParser.TryParse(TcpProxy.Descriptor, config.Value, out var message, out _))
        {
            return [];
        }

        var proxy = (TcpProxy)message;
        return proxy.ClusterSpecifierCase switch
        {
            TcpProxy.ClusterSpecifierOneofCase.Cluster => [(proxy.Cluster, path.Field("cluster"))],
            TcpProxy.ClusterSpecifierOneofCase.WeightedClusters => proxy.WeightedClusters.Clusters.Select(
                (cluster, index) => (cluster.Name, path.Field("weighted_clusters").Field("clusters").Index(index).Field("name"))),
            _ => [],
        };
    }
}

using Envoy.Config.Cluster.V3;
using Envoy.Extensions.Clusters.Dns.V3;
using DiscoveryType = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;

namespace KubeProxyNet.Xds.Validation;

/// <summary>How a cluster learns its endpoints, whichever of the two ways of saying it is used.</summary>
public static class ClusterTypes
{
    /// <summary>The type that <c>type</c> says or <c>cluster_type</c> names; null for a name that is not known here.</summary>
    public static DiscoveryType? Of(Cluster cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        return cluster.ClusterType?.Name switch
        {
            null => cluster.Type,
            "envoy.cluster.static" => DiscoveryType.Static,
            "envoy.cluster.eds" => DiscoveryType.Eds,
            "envoy.cluster.strict_dns" => DiscoveryType.StrictDns,
            "envoy.cluster.logical_dns" => DiscoveryType.LogicalDns,
            "envoy.cluster.dns" => DnsOf(cluster) is { AllAddressesInSingleEndpoint: true } ? DiscoveryType.LogicalDns : DiscoveryType.StrictDns,
            _ => null,
        };
    }

    /// <summary>How a cluster resolves names where <c>cluster_type</c> says it; null where the cluster's own fields do.</summary>
    public static DnsCluster? DnsOf(Cluster cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);

        // Bytes that are malformed are reported where the field is checked by itself.
        return cluster.ClusterType?.TypedConfig is { } config && config.Is(DnsCluster.Descriptor) && WireParser.TryParse(DnsCluster.Descriptor, config.Value, out var content, out _)
            ? (DnsCluster)content
            : null;
    }
}

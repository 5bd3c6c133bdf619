namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

/// <summary>Where the proxy itself runs, and the cluster of all proxies like it (<c>local_cluster_name</c>). Belongs to the thread that applies configuration.</summary>
/// <param name="clusterName">Name of the cluster of proxies.</param>
/// <param name="locality">Region, zone and sub-zone of this one, as in <see cref="EndpointConfig.Locality"/>.</param>
internal sealed class LocalZone(string clusterName, string locality)
{
    /// <summary>Name of the cluster of proxies.</summary>
    public string ClusterName => clusterName;

    /// <summary>Locality of this proxy.</summary>
    public string Locality => locality;

    /// <summary>The endpoints of the first priority of the cluster of proxies, as they are now.</summary>
    public Endpoint[] Proxies { get; private set; } = [];

    /// <summary>The cluster of proxies changed; null where it is gone.</summary>
    public void Note(Cluster? cluster) => Proxies = cluster is null ? [] : [.. cluster.Endpoints.Where(static endpoint => endpoint.Config.Priority == 0)];
}

/// <summary>What a cluster needs to keep requests in the proxy's zone.</summary>
internal sealed record ZoneRouting(LocalZone Local, ZoneStats Stats);

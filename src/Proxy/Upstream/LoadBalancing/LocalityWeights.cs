namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>The endpoints of a locality that may be used, and its share of the load.</summary>
internal sealed record WeightedLocality(Endpoint[] Endpoints, double Weight);

/// <summary>What localities get of the load of their priority level. Source: Envoy documentation, "Locality weighted load balancing".</summary>
internal static class LocalityWeights
{
    /// <summary>
    /// The localities that get any, with their configured weight scaled by how much of the locality is usable, overprovisioning counted in. One
    /// without a weight gets nothing.
    /// </summary>
    /// <param name="all">All endpoints of the level.</param>
    /// <param name="usable">Those of them that may be used.</param>
    /// <param name="overprovisioningFactor">In percent.</param>
    public static List<WeightedLocality> Effective(Endpoint[] all, Endpoint[] usable, int overprovisioningFactor)
    {
        var usableByLocality = usable.ToLookup(static endpoint => endpoint.Config.Locality, StringComparer.Ordinal);
        var localities = new List<WeightedLocality>();
        foreach (var locality in all.GroupBy(static endpoint => endpoint.Config.Locality, StringComparer.Ordinal))
        {
            Endpoint[] endpoints = [.. usableByLocality[locality.Key]];
            var counted = locality.Count(static endpoint => !endpoint.IsExcluded);
            var available = counted == 0 ? 0 : Math.Min(1.0, overprovisioningFactor / 100.0 * endpoints.Length / counted);
            var weight = locality.First().Config.LocalityWeight * available;
            if (weight > 0)
            {
                localities.Add(new WeightedLocality(endpoints, weight));
            }
        }

        return localities;
    }
}

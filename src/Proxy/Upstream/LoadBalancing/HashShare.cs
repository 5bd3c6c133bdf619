using System.Text;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>An endpoint among those that hashes lead to.</summary>
/// <param name="Endpoint">The endpoint.</param>
/// <param name="Key">What its place among the hashes comes from.</param>
/// <param name="Weight">Its share; those of all endpoints add up to 1.</param>
internal sealed record HashShare(Endpoint Endpoint, byte[] Key, double Weight)
{
    /// <summary>The shares of endpoints by their weight, and by that of their locality where that is asked for. One without a share is left out.</summary>
    public static HashShare[] Of(Endpoint[] hosts, LoadBalancerOptions options)
    {
        var localities = hosts.GroupBy(static host => host.Config.Locality, StringComparer.Ordinal).ToArray();
        var total = localities.Sum(static locality => (double)locality.First().Config.LocalityWeight);
        if (!options.IsLocalityWeighted || total == 0)
        {
            return [.. InOne(hosts, 1.0, options)];
        }

        return
        [
            .. localities.Where(static locality => locality.First().Config.LocalityWeight > 0)
                .SelectMany(locality => InOne([.. locality], locality.First().Config.LocalityWeight / total, options)),
        ];
    }

    private static IEnumerable<HashShare> InOne(Endpoint[] hosts, double share, LoadBalancerOptions options)
    {
        var sum = hosts.Sum(static host => (double)host.Config.Weight);
        return hosts.Select(host => new HashShare(host, KeyOf(host.Config, options), host.Config.Weight * share / sum));
    }

    private static byte[] KeyOf(EndpointConfig host, LoadBalancerOptions options)
    {
        if (host.HashKey.Length > 0)
        {
            return Encoding.UTF8.GetBytes(host.HashKey);
        }

        return options.UseHostnameForHashing && host.Hostname.Length > 0 ? Encoding.UTF8.GetBytes(host.Hostname) : host.Address.Text.ToArray();
    }
}

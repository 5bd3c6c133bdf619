namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

/// <summary>
/// How many requests stay in the proxy's zone, and where the others go, so that every endpoint gets as much as any other when all proxies do the same.
/// Source: Envoy documentation, "Zone aware routing"; whole numbers are rounded as Envoy rounds them.
/// </summary>
internal sealed class ZonePlan
{
    /// <summary>What shares are parts of.</summary>
    public const int Whole = 10_000;

    private ZonePlan(int localShare, long[] residual)
    {
        LocalShare = localShare;
        Residual = residual;
    }

    /// <summary>True where all requests stay.</summary>
    public bool IsDirect => LocalShare == Whole;

    /// <summary>Requests that stay, of ten thousand.</summary>
    public int LocalShare { get; }

    /// <summary>What each zone can take of other zones' requests, added up.</summary>
    public long[] Residual { get; }

    /// <summary>Compares the zones.</summary>
    /// <param name="proxies">Healthy proxies of each zone of <paramref name="upstreams"/>; the proxy's own zone first, where it is there.</param>
    /// <param name="allProxies">Healthy proxies of all zones.</param>
    /// <param name="upstreams">Healthy endpoints of each zone.</param>
    /// <param name="hasLocal">False where the proxy's own zone has no endpoints.</param>
    /// <param name="forced">True to let all requests stay, if the zone has any healthy endpoint.</param>
    public static ZonePlan Of(long[] proxies, long allProxies, long[] upstreams, bool hasLocal, bool forced)
    {
        var allUpstreams = upstreams.Sum();
        var local = Array.ConvertAll(proxies, count => allProxies == 0 ? 0 : Whole * count / allProxies);
        var upstream = Array.ConvertAll(upstreams, count => allUpstreams == 0 ? 0 : Whole * count / allUpstreams);
        if (hasLocal && ((upstream[0] > 0 && upstream[0] >= local[0]) || forced))
        {
            return new ZonePlan(Whole, []);
        }

        var residual = new long[upstream.Length];
        var sum = 0L;
        for (var i = 0; i < residual.Length; i++)
        {
            // The proxy's own zone has taken what it can.
            sum += i == 0 && hasLocal ? 0 : Math.Max(0, upstream[i] - local[i]);
            residual[i] = sum;
        }

        return new ZonePlan(hasLocal && local[0] > 0 ? (int)(upstream[0] * Whole / local[0]) : 0, residual);
    }
}

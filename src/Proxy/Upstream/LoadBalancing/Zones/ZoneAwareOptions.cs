namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

/// <summary>How requests stay in the proxy's own zone: Envoy's <c>ZoneAwareLbConfig</c>, whose names and defaults these are.</summary>
public sealed record ZoneAwareOptions
{
    /// <summary>Envoy's defaults, which hold without any settings too.</summary>
    public static ZoneAwareOptions Default { get; } = new();

    /// <summary>Share of requests, in percent, that zones are considered for; 100 by default.</summary>
    public int RoutingEnabled { get; init; } = 100;

    /// <summary>Fewest healthy endpoints of the first priority for zones to be considered; 6 by default.</summary>
    public ulong MinClusterSize { get; init; } = 6;

    /// <summary>True to answer 503 in panic, where any endpoint would be used otherwise.</summary>
    public bool FailTrafficOnPanic { get; init; }

    /// <summary>All requests stay in the proxy's zone where it has so many healthy endpoints (<c>force_local_zone.min_size</c>); null for only what is fair.</summary>
    public uint? ForceLocalZone { get; init; }

    /// <summary>True to weigh localities by the weights of their endpoints and not by their number (<c>HEALTHY_HOSTS_WEIGHT</c>).</summary>
    public bool ByWeight { get; init; }
}

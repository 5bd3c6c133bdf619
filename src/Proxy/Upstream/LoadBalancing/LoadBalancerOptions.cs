using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing;

/// <summary>Hash function of a ring: Envoy's <c>RingHashLbConfig.HashFunction</c>.</summary>
public enum HashFunction
{
    /// <summary>xxHash, 64 bits.</summary>
    XxHash,

    /// <summary>MurmurHash2, 64 bits: what libstdc++ hashes strings with.</summary>
    MurmurHash2,
}

/// <summary>How a cluster's balancer works beyond its policy. Names and defaults are Envoy's.</summary>
public sealed record LoadBalancerOptions
{
    /// <summary>Envoy's defaults.</summary>
    public static LoadBalancerOptions Default { get; } = new();

    /// <summary>
    /// Share of usable endpoints, in percent, below which a priority level uses all its endpoints (<c>healthy_panic_threshold</c>); 50 by
    /// default, 0 for never.
    /// </summary>
    public int HealthyPanicThreshold { get; init; } = 50;

    /// <summary>True to spread load over localities by their weights (<c>locality_weighted_lb_config</c>).</summary>
    public bool IsLocalityWeighted { get; init; }

    /// <summary>How requests stay in the proxy's zone, where localities are not weighted and the proxy knows its own cluster.</summary>
    public ZoneAwareOptions ZoneAware { get; init; } = ZoneAwareOptions.Default;

    /// <summary>How endpoints are divided by their metadata; null for not at all.</summary>
    public SubsetOptions? Subsets { get; init; }

    /// <summary>
    /// How much requests under way count against an endpoint where weights differ: its weight is divided by their number plus one, to this power
    /// (<c>active_request_bias</c>); 1 by default, 0 for not at all.
    /// </summary>
    public double ActiveRequestBias { get; init; } = 1.0;

    /// <summary>Peak EWMA: the time in which a latency that was seen loses its weight; above zero, 10 s by default.</summary>
    public TimeSpan DecayTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How new endpoints start, for round robin and least request (<c>slow_start_config</c>); null for with their whole share.</summary>
    public SlowStart? SlowStart { get; init; }

    /// <summary>Entries of a ring at least, 1 to <see cref="MaximumRingSize"/>; 1,024 by default.</summary>
    public int MinimumRingSize { get; init; } = 1024;

    /// <summary>Entries of a ring at most, up to 8,388,608, which is the default.</summary>
    public int MaximumRingSize { get; init; } = 8 * 1024 * 1024;

    /// <summary>Hash function of a ring.</summary>
    public HashFunction RingHashFunction { get; init; }

    /// <summary>Entries of a Maglev table; a prime, 65,537 by default.</summary>
    public int MaglevTableSize { get; init; } = 65537;

    /// <summary>True where an endpoint's place among the hashes comes from its host name and not from its address.</summary>
    public bool UseHostnameForHashing { get; init; }

    /// <summary>
    /// Most requests under way that an endpoint may have before a hash leads elsewhere, in percent of the mean (<c>hash_balance_factor</c>);
    /// 0, the default, for no bound.
    /// </summary>
    public int HashBalanceFactor { get; init; }
}

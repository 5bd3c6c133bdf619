using Envoy.Extensions.Network.DnsResolver.Cares.V3;
using KubeProxyNet.Proxy.Upstream;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Config;

/// <summary>How a cluster's names are resolved, and when again.</summary>
internal sealed record DnsSettings
{
    /// <summary>How long an answer is used before the next query: <c>dns_refresh_rate</c>; 5 s by default.</summary>
    public TimeSpan Refresh { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether an answer is used for as long as its records say instead: <c>respect_dns_ttl</c>.</summary>
    public bool RespectTtl { get; init; }

    /// <summary>A random part of this is added to the time until the next query: <c>dns_jitter</c>; none by default.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>How long to wait after a failure: <c>dns_failure_refresh_rate</c>; null for <see cref="Refresh"/>.</summary>
    public DnsBackOff? Failure { get; init; }

    /// <summary>Which addresses are used: <c>dns_lookup_family</c>.</summary>
    public DnsLookupFamily Family { get; init; }

    /// <summary>Whether the cluster goes into force only when a first answer has come: <c>wait_for_warm_on_init</c>; true by default.</summary>
    public bool WaitForWarm { get; init; } = true;

    /// <summary>Whom to ask and how; null for what the bootstrap says.</summary>
    public CaresDnsResolverConfig? Resolver { get; init; }
}

/// <summary>Bounds of the wait after failures, which doubles with each; the wait is a random part of it.</summary>
/// <param name="Base">The first.</param>
/// <param name="Max">The longest.</param>
internal sealed record DnsBackOff(TimeSpan Base, TimeSpan Max);

/// <summary>A name to resolve.</summary>
/// <param name="Host">Name.</param>
/// <param name="Endpoint">What each of its addresses becomes, but for the address; the port is right.</param>
internal sealed record DnsTarget(string Host, EndpointConfig Endpoint)
{
    /// <summary>
    /// True for the name of a service (RFC 2782), whose first label begins with an underscore: its SRV records say where the endpoints are, with their ports,
    /// weights and priorities. Envoy knows no such names; a LOGICAL_DNS cluster takes them for names of addresses, as it does.
    /// </summary>
    public bool IsService => Host.StartsWith('_') && !Endpoint.IsLogical;
}

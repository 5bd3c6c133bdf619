using KubeProxyNet.Proxy.Dns;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Resolves a name to the families that a cluster uses (cluster.proto, <c>DnsLookupFamily</c>).</summary>
internal static class DnsLookup
{
    /// <summary>The addresses, in the order of their answers. A family is asked for only where it may be used.</summary>
    public static Task<DnsAnswer> ResolveAsync(DnsResolver resolver, string host, DnsLookupFamily family, TimeSpan freshness, CancellationToken cancellation)
    {
        return family switch
        {
            DnsLookupFamily.V4Only => Ask(DnsRecordType.A),
            DnsLookupFamily.V6Only => Ask(DnsRecordType.Aaaa),
            DnsLookupFamily.V4Preferred => PreferAsync(DnsRecordType.A, DnsRecordType.Aaaa),
            DnsLookupFamily.All => AllAsync(),
            _ => PreferAsync(DnsRecordType.Aaaa, DnsRecordType.A),
        };

        Task<DnsAnswer> Ask(DnsRecordType type) => resolver.ResolveAsync(host, type, freshness, cancellation);

        async Task<DnsAnswer> PreferAsync(DnsRecordType first, DnsRecordType second)
        {
            var answer = await Ask(first);
            return answer.Status == DnsStatus.Found ? answer : Join(answer, await Ask(second));
        }

        async Task<DnsAnswer> AllAsync()
        {
            var v4 = Ask(DnsRecordType.A);
            var v6 = Ask(DnsRecordType.Aaaa);
            return Join(await v4, await v6);
        }
    }

    /// <summary>One answer of two: all addresses; without any, a failure counts for more than that there is nothing.</summary>
    internal static DnsAnswer Join(DnsAnswer first, DnsAnswer second) => (first.Status, second.Status) switch
    {
        (DnsStatus.Found, DnsStatus.Found) => first with
        {
            Addresses = first.Addresses.AddRange(second.Addresses),
            Ttl = first.Ttl < second.Ttl ? first.Ttl : second.Ttl,
            IsStale = first.IsStale || second.IsStale,
            Reason = first.Reason.Length > 0 ? first.Reason : second.Reason,
        },
        (DnsStatus.Found, _) => first,
        (_, DnsStatus.Found) => second,
        (DnsStatus.Failed, _) => first,
        (_, DnsStatus.Failed) => second,
        (DnsStatus.NoData, _) => first,
        _ => second,
    };
}

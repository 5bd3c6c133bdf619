using System.Collections.Immutable;
using System.Net;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Dns;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What a name of a cluster led to.</summary>
/// <param name="Answer">How it went, and how long it holds.</param>
/// <param name="Endpoints">The endpoints; none unless it was found.</param>
internal sealed record DnsFinding(DnsAnswer Answer, ImmutableArray<EndpointConfig> Endpoints)
{
    /// <summary>Most endpoints of one service: what is more is left out.</summary>
    private const int MaxOfService = 4096;

    /// <summary>Makes weights whole where the targets of a service have several addresses each: divisible by all small numbers.</summary>
    private const int WeightScale = 60;

    /// <summary>Resolves a name to endpoints.</summary>
    public static async Task<DnsFinding> FindAsync(DnsResolver resolver, DnsTarget target, DnsSettings settings, TimeSpan freshness, CancellationToken cancellation)
    {
        if (target.IsService)
        {
            return await FindServiceAsync(resolver, target, settings, freshness, cancellation);
        }

        var answer = await DnsLookup.ResolveAsync(resolver, target.Host, settings.Family, freshness, cancellation);
        return answer.Addresses.IsEmpty
            ? new DnsFinding(answer, [])
            : new DnsFinding(answer, target.Endpoint.IsLogical ? [Logical(target.Endpoint, answer.Addresses)] : Strict(target.Endpoint, answer.Addresses));
    }

    /// <summary>For a strict cluster the order of an answer says nothing, and servers change it each time.</summary>
    private static ImmutableArray<EndpointConfig> Strict(EndpointConfig endpoint, IEnumerable<IPAddress> addresses) =>
    [
        .. addresses.OrderBy(static address => address.ToString(), StringComparer.Ordinal)
            .Select(address => endpoint with { Address = new SocketEndpoint(address, endpoint.Address.Port) }),
    ];

    /// <summary>A logical cluster uses the first address of the answer, and the others where that does not answer.</summary>
    private static EndpointConfig Logical(EndpointConfig endpoint, ImmutableArray<IPAddress> addresses)
    {
        var all = FamiliesInTurn(addresses).Select(address => new SocketEndpoint(address, endpoint.Address.Port)).ToArray();
        return endpoint with { Address = all[0], AdditionalAddresses = new ValueList<SocketEndpoint>(all.Skip(1)) };
    }

    /// <summary>RFC 8305 section 4: one address of each family in turn, in the order that they have, beginning with the family of the first.</summary>
    internal static IEnumerable<IPAddress> FamiliesInTurn(ImmutableArray<IPAddress> addresses)
    {
        var first = addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).Select(static (address, i) => (address, Place: 2 * i));
        var second = addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily).Select(static (address, i) => (address, Place: (2 * i) + 1));
        return first.Concat(second).OrderBy(static pair => pair.Place).Select(static pair => pair.address);
    }

    private static async Task<DnsFinding> FindServiceAsync(
        DnsResolver resolver, DnsTarget target, DnsSettings settings, TimeSpan freshness, CancellationToken cancellation)
    {
        var services = await resolver.ResolveServiceAsync(target.Host, freshness, cancellation);
        if (services.Services.IsEmpty)
        {
            return new DnsFinding(services, []);
        }

        // The last dot: these are whole names (RFC 2782), to be looked for in no domain.
        var answers = await Task.WhenAll(services.Services.Select(service => DnsLookup.ResolveAsync(resolver, service.Target + ".", settings.Family, freshness, cancellation)));
        var whole = answers.Aggregate(services, static (sum, answer) => sum with
        {
            Ttl = answer.Status == DnsStatus.Found && answer.Ttl < sum.Ttl ? answer.Ttl : sum.Ttl,
            IsStale = sum.IsStale || answer.IsStale,
            Reason = sum.Reason.Length > 0 ? sum.Reason : answer.Reason,
        });
        var found = services.Services.Zip(answers).Where(static pair => !pair.Second.Addresses.IsEmpty).ToArray();
        if (found.Length == 0)
        {
            // A failure says more than that there is nothing.
            return new DnsFinding(answers.FirstOrDefault(static answer => answer.Status == DnsStatus.Failed) ?? answers[0], []);
        }

        return new DnsFinding(whole, EndpointsOf(target, found));
    }

    /// <summary>Envoy's priorities have no gaps, and the lowest goes first, as in RFC 2782. A weight is that of all addresses of a target together.</summary>
    private static ImmutableArray<EndpointConfig> EndpointsOf(DnsTarget target, (ServiceRecord Service, DnsAnswer Answer)[] found)
    {
        var priorities = found.Select(static pair => pair.Service.Priority).Distinct().Order().ToList();
        var scale = found.Any(static pair => pair.Answer.Addresses.Length > 1) ? WeightScale : 1;
        return
        [
            .. found.SelectMany(pair => Strict(
                    target.Endpoint with
                    {
                        Address = new SocketEndpoint(IPAddress.Any, pair.Service.Port),
                        Hostname = string.Equals(target.Endpoint.Hostname, target.Host, StringComparison.Ordinal) ? pair.Service.Target : target.Endpoint.Hostname,
                        Priority = target.Endpoint.Priority + priorities.IndexOf(pair.Service.Priority),
                        Weight = Math.Max(1, Math.Max(1, (int)pair.Service.Weight) * scale / pair.Answer.Addresses.Length),
                    },
                    pair.Answer.Addresses))
                .DistinctBy(static endpoint => endpoint.Address)
                .OrderBy(static endpoint => endpoint.Address.ToString(), StringComparer.Ordinal)
                .Take(MaxOfService),
        ];
    }
}

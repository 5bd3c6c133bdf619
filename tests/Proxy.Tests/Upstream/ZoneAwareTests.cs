using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Requests stay in the proxy's own zone as far as that is fair (Envoy documentation, "Zone aware routing").</summary>
public sealed class ZoneAwareTests
{
    private const int Picks = 40_000;

    [Fact]
    public void A_zone_with_its_share_of_endpoints_keeps_all_requests()
    {
        using var from = Proxies(5, 5);
        var cluster = Build(from, "aaaabbbb");

        Shares(from, cluster).Should().Equal(new Dictionary<char, double> { ['a'] = 1.0 });
        cluster.LoadBalancer.Candidates.Should().OnlyContain(static endpoint => endpoint.Config.Locality == "a");
        from.Stat("lb_zone_routing_all_directly").Should().Be(Picks);
        from.Stat("lb_recalculate_zone_structures").Should().Be(1);
    }

    [Fact]
    public void A_zone_with_too_few_endpoints_sends_the_rest_where_capacity_is_left()
    {
        // The example of Envoy's source: 40, 40 and 20 % of the proxies over 25, 50 and 25 % of the endpoints; what does not fit goes 2 : 1.
        using var from = Proxies(4, 4, 2);
        var cluster = Build(from, "aabbbbcc");

        var shares = Shares(from, cluster);
        shares['a'].Should().BeApproximately(0.625, 0.01);
        shares['b'].Should().BeApproximately(0.375 * 2 / 3, 0.01);
        shares['c'].Should().BeApproximately(0.375 / 3, 0.01);
        from.Stat("lb_zone_routing_sampled").Should().BeCloseTo((long)(0.625 * Picks), 400);
        from.Stat("lb_zone_routing_cross_zone").Should().BeCloseTo((long)(0.375 * Picks), 400);
    }

    [Theory]
    [InlineData(new[] { 3, 2, 1 }, "aabbbbcc")]
    [InlineData(new[] { 1, 5, 2 }, "aaaabbbcc")]
    [InlineData(new[] { 7, 1, 1 }, "abbbbbbcccc")]
    public void Every_endpoint_gets_the_same_load_when_all_proxies_do_the_same(int[] proxies, string endpoints)
    {
        var load = new Dictionary<char, double>();
        for (var zone = 0; zone < proxies.Length; zone++)
        {
            using var from = Proxies((char)('a' + zone), proxies);
            foreach (var (place, share) in Shares(from, Build(from, endpoints)))
            {
                load[place] = load.GetValueOrDefault(place) + (share * proxies[zone]);
            }
        }

        foreach (var zone in endpoints.GroupBy(static place => place))
        {
            (load[zone.Key] / zone.Count()).Should().BeApproximately((double)proxies.Sum() / endpoints.Length, 0.03, "of zone {0}", zone.Key);
        }
    }

    [Theory]
    [InlineData("aaabb", "lb_zone_cluster_too_small", 1)]
    [InlineData("aaaaaaa", "lb_zone_cluster_too_small", 0)]
    public void Without_two_zones_and_enough_endpoints_zones_do_not_matter(string endpoints, string stat, long count)
    {
        using var from = Proxies(5, 5);
        var shares = Shares(from, Build(from, endpoints));

        shares['a'].Should().BeApproximately(endpoints.Count(static place => place == 'a') / (double)endpoints.Length, 0.01);
        from.Stat(stat).Should().Be(count);
        from.Stat("lb_zone_routing_all_directly").Should().Be(0);
    }

    [Fact]
    public void A_proxy_whose_zone_is_not_in_its_own_cluster_spreads_requests()
    {
        using var from = Proxies('z', 5, 5);
        Shares(from, Build(from, "aaaabbbb"))['a'].Should().BeApproximately(0.5, 0.01);
        from.Stat("lb_local_cluster_not_ok").Should().Be(1);
    }

    [Fact]
    public void Routing_may_be_for_a_part_of_the_requests()
    {
        using var from = Proxies(5, 5);
        Shares(from, Build(from, "aaaabbbb", new ZoneAwareOptions { RoutingEnabled = 30 }))['a'].Should().BeApproximately(0.3 + (0.7 / 2), 0.01);
    }

    [Fact]
    public void A_zone_may_be_forced_to_keep_all_requests()
    {
        using var from = Proxies(9, 1);
        Shares(from, Build(from, "aabbbbbb", new ZoneAwareOptions { ForceLocalZone = 2 })).Keys.Should().Equal('a');
        Shares(from, Build(from, "aabbbbbb", new ZoneAwareOptions { ForceLocalZone = 3 })).Keys.Should().HaveCount(2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void In_panic_requests_go_anywhere_or_fail(bool fails)
    {
        using var from = Proxies(5, 5);
        var cluster = from.Build(LoadBalancingPolicy.RoundRobin, Hosts("aaaabbbb").Select(static (host, i) => i % 4 == 0 ? host : host with { Health = EndpointHealth.Unhealthy }), new LoadBalancerOptions
        {
            ZoneAware = new ZoneAwareOptions { FailTrafficOnPanic = fails },
        });

        (from.Pick(cluster) is null).Should().Be(fails);
        from.Stat("lb_healthy_panic").Should().Be(1);
    }

    [Fact]
    public void When_proxies_come_and_go_the_others_clusters_follow()
    {
        using var from = Proxies(5, 5);
        var cluster = Build(from, "aaaabbbb");
        Shares(from, cluster).Keys.Should().Equal('a');

        Local(from, [9, 1]);
        Shares(from, cluster)['a'].Should().BeApproximately(5.0 / 9, 0.01);
        from.Store.Remove("proxies");
        Shares(from, cluster)['a'].Should().BeApproximately(0.5, 0.01);
    }

    private static PickedFrom Proxies(params int[] counts) => Proxies('a', counts);

    /// <summary>A proxy in a zone, with so many proxies in each of the zones a, b and so on.</summary>
    private static PickedFrom Proxies(char zone, int[] counts)
    {
        var from = new PickedFrom();
        from.Store.Zone = new LocalZone("proxies", zone.ToString());
        Local(from, counts);
        return from;
    }

    private static PickedFrom Proxies(char zone, int first, int second) => Proxies(zone, [first, second]);

    private static void Local(PickedFrom from, int[] counts) => from.Store.Build(new ClusterSpecification(
        new ClusterConfig { Name = "proxies" }, [.. Hosts(string.Concat(counts.Select(static (count, i) => new string((char)('a' + i), count))))]));

    private static IEnumerable<EndpointConfig> Hosts(string zones) => zones.Select(static (zone, i) => One(i + 1, locality: zone.ToString()));

    private static Cluster Build(PickedFrom from, string zones, ZoneAwareOptions? options = null) =>
        from.Build(LoadBalancingPolicy.RoundRobin, Hosts(zones), new LoadBalancerOptions { ZoneAware = options ?? ZoneAwareOptions.Default });

    private static Dictionary<char, double> Shares(PickedFrom from, Cluster cluster) => Enumerable.Range(0, Picks)
        .Select(_ => from.Pick(cluster)!.Config.Locality[0]).CountBy(static zone => zone).ToDictionary(static zone => zone.Key, static zone => zone.Value / (double)Picks);
}

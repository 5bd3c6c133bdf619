using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Metadata;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Endpoints divided by their metadata (Envoy documentation, "Load balancer subsets").</summary>
public sealed class SubsetTests
{
    /// <summary>The endpoints of the documentation's example, with ports for names.</summary>
    private static readonly EndpointConfig[] Hosts =
    [
        Host(1, "stage=prod", "version=1.0", "type=std"),
        Host(2, "stage=prod", "version=1.0", "type=std"),
        Host(3, "stage=prod", "version=1.1", "type=std"),
        Host(4, "stage=prod", "version=1.1", "type=std"),
        Host(5, "stage=prod", "version=1.0", "type=bigmem"),
        Host(6, "stage=prod", "version=1.1", "type=bigmem"),
        Host(7, "stage=dev", "version=1.2-pre", "type=std"),
    ];

    private static readonly SubsetOptions Example = new(new ValueList<SubsetSelector>([Selector("stage", "type"), Selector("stage", "version"), Selector("version")]));

    [Theory]
    [InlineData("stage=prod type=std", "1 2 3 4")]
    [InlineData("type=std stage=prod", "1 2 3 4")]
    [InlineData("stage=prod type=bigmem", "5 6")]
    [InlineData("stage=prod version=1.1", "3 4 6")]
    [InlineData("version=1.2-pre", "7")]
    public void A_match_leads_to_the_endpoints_that_have_all_its_values(string match, string ports)
    {
        using var from = new PickedFrom();
        var cluster = Build(from, Example);

        Ports(from, cluster, match).Should().Equal(ports.Split(' ').Select(int.Parse));
        cluster.CandidatesOf(Match(match)).Select(static endpoint => endpoint.Config.Address.Port).Distinct().Order().Should().Equal(ports.Split(' ').Select(int.Parse));
        from.Stat("lb_subsets_selected").Should().Be(200);
        from.Stat("lb_subsets_fallback").Should().Be(0);
    }

    [Theory]
    [InlineData(SubsetFallback.NoFallback, "")]
    [InlineData(SubsetFallback.AnyEndpoint, "1 2 3 4 5 6 7")]
    [InlineData(SubsetFallback.DefaultSubset, "3 4")]
    public void What_matches_no_subset_goes_where_the_fallback_says(SubsetFallback fallback, string ports)
    {
        using var from = new PickedFrom();
        var cluster = Build(from, Example with { Fallback = fallback, DefaultSubset = Match("version=1.1 type=std")! });
        int[] expected = [.. ports.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

        foreach (var match in (ReadOnlySpan<string>)["", "version=9", "type=std", "stage=prod type=std version=1.0"])
        {
            Ports(from, cluster, match).Should().Equal(expected);
        }

        from.Stat("lb_subsets_selected").Should().Be(0);
        from.Stat("lb_subsets_fallback").Should().Be(expected.Length == 0 ? 0 : 4 * 200);
    }

    [Theory]
    [InlineData(SubsetSelectorFallback.NotDefined, "1 2 3 4 5 6 7")]
    [InlineData(SubsetSelectorFallback.NoFallback, "")]
    [InlineData(SubsetSelectorFallback.AnyEndpoint, "1 2 3 4 5 6 7")]
    [InlineData(SubsetSelectorFallback.DefaultSubset, "7")]
    [InlineData(SubsetSelectorFallback.KeysSubset, "3 4 6")]
    public void A_selector_may_have_a_fallback_of_its_own(SubsetSelectorFallback fallback, string ports)
    {
        using var from = new PickedFrom();
        var selector = Selector("type", "version") with { Fallback = fallback, FallbackKeys = new ValueList<string>(fallback == SubsetSelectorFallback.KeysSubset ? ["version"] : []) };
        var cluster = Build(from, new SubsetOptions(new ValueList<SubsetSelector>([selector, Selector("version")])) { Fallback = SubsetFallback.AnyEndpoint, DefaultSubset = Match("stage=dev")! });

        Ports(from, cluster, "type=none version=1.1").Should().Equal(ports.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse));
        from.Stat("lb_subsets_fallback").Should().Be(fallback == SubsetSelectorFallback.NotDefined ? 200 : 0, "as in Envoy, only the fallback of the cluster is counted");
        from.Stat("lb_subsets_selected").Should().Be(fallback == SubsetSelectorFallback.KeysSubset ? 200 : 0);
    }

    [Fact]
    public void A_list_stands_for_each_of_its_elements_only_where_the_cluster_says_so()
    {
        var host = Host(8, "stage=prod") with
        {
            Metadata = new EndpointMetadata(new Dictionary<string, string[]> { ["stage"] = ["\"a\"", "\"b\""], ["type"] = ["\"x\"", "\"y\""] }, ["stage", "type"]),
        };
        using var from = new PickedFrom();
        var options = new SubsetOptions(new ValueList<SubsetSelector>([Selector("stage", "type")]));

        var any = from.Build(LoadBalancingPolicy.RoundRobin, [host], new LoadBalancerOptions { Subsets = options with { ListAsAny = true } });
        from.Pick(any, Match("stage=b type=x")).Should().NotBeNull();
        from.Stat("lb_subsets_active").Should().Be(4);
        var whole = from.Build(LoadBalancingPolicy.RoundRobin, [host], new LoadBalancerOptions { Subsets = options });
        from.Pick(whole, Match("stage=b type=x")).Should().BeNull();
        from.Pick(whole, new MetadataMatch([new MetadataLabel("stage", "[\"a\",\"b\"]"), new MetadataLabel("type", "[\"x\",\"y\"]")])).Should().NotBeNull();
    }

    [Fact]
    public void A_fallback_list_is_tried_in_its_order_until_there_is_an_endpoint()
    {
        using var from = new PickedFrom();
        var match = new MetadataMatch([]) { Fallbacks = [Match("version=9")!, Match("version=1.2-pre")!, Match("version=1.0")!] };

        var listed = Build(from, Example with { UsesFallbackList = true });
        from.Pick(listed, match)!.Config.Address.Port.Should().Be(7);
        var without = Build(from, Example);
        from.Pick(without, match).Should().BeNull();
    }

    [Fact]
    public void With_one_endpoint_a_subset_the_others_are_counted_and_health_does_not_matter()
    {
        using var from = new PickedFrom();
        var options = new SubsetOptions(new ValueList<SubsetSelector>([Selector("id") with { SingleHostPerSubset = true }]));
        var cluster = from.Build(
            LoadBalancingPolicy.RoundRobin,
            [Host(1, "id=a") with { Health = EndpointHealth.Unhealthy }, Host(2, "id=a"), Host(3, "id=a"), Host(4, "id=b")],
            new LoadBalancerOptions { Subsets = options });

        Ports(from, cluster, "id=a").Should().Equal(1);
        Ports(from, cluster, "id=b").Should().Equal(4);
        from.Stat("lb_subsets_single_host_per_subset_duplicate").Should().Be(2);
    }

    [Fact]
    public void Any_endpoint_takes_over_in_panic_where_the_fallback_has_none()
    {
        using var from = new PickedFrom();
        var options = Example with { Fallback = SubsetFallback.DefaultSubset, DefaultSubset = Match("stage=none")!, PanicModeAny = true };

        Ports(from, Build(from, options), "version=9").Should().Equal(1, 2, 3, 4, 5, 6, 7);
        from.Stat("lb_subsets_fallback").Should().Be(0);
        from.Stat("lb_subsets_fallback_panic").Should().Be(200);
    }

    [Fact]
    public void Redundant_keys_are_left_out_for_the_selector_with_the_most_keys()
    {
        using var from = new PickedFrom();
        var cluster = Build(from, Example with { AllowsRedundantKeys = true });

        Ports(from, cluster, "version=1.1 stage=prod color=red").Should().Equal(3, 4, 6);
        Ports(from, cluster, "version=1.1 color=red").Should().Equal(3, 4, 6);
    }

    [Fact]
    public void Each_subset_has_its_own_health_and_panic()
    {
        using var from = new PickedFrom();
        var cluster = from.Build(
            LoadBalancingPolicy.RoundRobin,
            [Host(1, "v=a"), Host(2, "v=a") with { Health = EndpointHealth.Unhealthy }, Host(3, "v=b") with { Health = EndpointHealth.Unhealthy }, Host(4, "v=b") with { Health = EndpointHealth.Unhealthy }],
            new LoadBalancerOptions { Subsets = new SubsetOptions(new ValueList<SubsetSelector>([Selector("v")])) });

        Ports(from, cluster, "v=a").Should().Equal(1);
        Ports(from, cluster, "v=b").Should().Equal([3, 4], "all are unhealthy, which is panic");
        from.Stat("lb_healthy_panic").Should().Be(200);
    }

    [Fact]
    public void An_update_builds_only_the_subsets_whose_endpoints_or_health_changed()
    {
        using var from = new PickedFrom();
        var first = Build(from, Example);
        var before = ((SubsetBalancer)first.LoadBalancer).Table;
        from.Stat("lb_subsets_active").Should().Be(9);
        from.Stat("lb_subsets_created").Should().Be(9);

        // Version 1.2-pre goes, and with it its stage; 1.3 comes.
        var second = Build(from, Example, [.. Hosts[..6], Host(8, "version=1.3")]);
        var after = ((SubsetBalancer)second.LoadBalancer).Table;

        after.Find(Match("version=1.1")!).Should().BeSameAs(before.Find(Match("version=1.1")!));
        after.Find(Match("version=1.2-pre")!).Should().BeNull();
        from.Stat("lb_subsets_active").Should().Be(7);
        from.Stat("lb_subsets_created").Should().Be(10);
        from.Stat("lb_subsets_removed").Should().Be(3);

        second.Endpoints[0].State.Health.Set(HostHealthFlags.FailedActiveHealthCheck);
        from.Store.Rebalance("c");
        var rebalanced = ((SubsetBalancer)second.LoadBalancer).Table;
        rebalanced.Find(Match("version=1.1")!).Should().BeSameAs(after.Find(Match("version=1.1")!));
        rebalanced.Find(Match("version=1.0")!).Should().NotBeSameAs(after.Find(Match("version=1.0")!));
        from.Store.Remove("c");
        from.Stat("lb_subsets_active").Should().Be(0);
    }

    [Theory]
    [InlineData(false, false, 0.5)]
    [InlineData(true, false, 0.75)]
    [InlineData(true, true, 0.5)]
    public void Localities_count_inside_a_subset_where_the_cluster_says_so(bool aware, bool scaled, double share)
    {
        // Of the locality with three quarters of the weight a third is in the subset, of the other one all.
        EndpointConfig[] hosts =
        [
            Host(1, "v=a") with { Locality = "x", LocalityWeight = 3 }, Host(2, "v=b") with { Locality = "x", LocalityWeight = 3 }, Host(3, "v=b") with { Locality = "x", LocalityWeight = 3 },
            Host(4, "v=a") with { Locality = "y", LocalityWeight = 1 },
        ];
        using var from = new PickedFrom();
        var options = new SubsetOptions(new ValueList<SubsetSelector>([Selector("v")])) { IsLocalityWeightAware = aware, ScalesLocalityWeight = scaled };
        var cluster = from.Build(LoadBalancingPolicy.RoundRobin, hosts, new LoadBalancerOptions { IsLocalityWeighted = true, Subsets = options });

        var match = Match("v=a");
        (Enumerable.Range(0, 10_000).Count(_ => from.Pick(cluster, match)!.Config.Address.Port == 1) / 10_000.0).Should().BeApproximately(share, 0.001);
    }

    [Fact]
    public void A_pick_allocates_nothing()
    {
        using var from = new PickedFrom();
        var cluster = Build(from, Example with { Fallback = SubsetFallback.AnyEndpoint });
        MetadataMatch?[] matches = [Match("stage=prod type=std"), Match("version=9"), null];
        Pick(1000);

        AllocatedBytes.Least(() => Pick(10_000)).Should().Be(0);

        void Pick(int count)
        {
            for (var i = 0; i < count; i++)
            {
                from.Pick(cluster, matches[i % 3]);
            }
        }
    }

    private static Cluster Build(PickedFrom from, SubsetOptions options, EndpointConfig[]? hosts = null) =>
        from.Build(LoadBalancingPolicy.RoundRobin, hosts ?? Hosts, new LoadBalancerOptions { Subsets = options });

    private static IEnumerable<int> Ports(PickedFrom from, Cluster cluster, string match)
    {
        var asked = Match(match);
        return [.. Enumerable.Range(0, 200).Select(_ => from.Pick(cluster, asked)).OfType<Endpoint>().Select(static endpoint => endpoint.Config.Address.Port).Distinct().Order()];
    }

    private static EndpointConfig Host(int port, params string[] values) => One(port) with
    {
        Metadata = new EndpointMetadata(values.Select(static value => value.Split('=')).ToDictionary(static pair => pair[0], static pair => new[] { $"\"{pair[1]}\"" })),
    };

    private static MetadataMatch? Match(string values) => values.Length == 0
        ? null
        : new MetadataMatch(values.Split(' ').Select(static value => value.Split('=')).Select(static pair => new MetadataLabel(pair[0], $"\"{pair[1]}\"")));

    private static SubsetSelector Selector(params string[] keys) => new(new ValueList<string>(keys));
}

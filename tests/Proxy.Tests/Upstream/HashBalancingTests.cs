using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>The balancers that choose by the request's hash: ring hash and Maglev.</summary>
public sealed class HashBalancingTests : IDisposable
{
    private const int Requests = 50_000;

    private readonly PickedFrom _from = new();

    public static TheoryData<LoadBalancingPolicy> Both => [LoadBalancingPolicy.RingHash, LoadBalancingPolicy.Maglev];

    public void Dispose() => _from.Dispose();

    [Theory]
    [MemberData(nameof(Both))]
    public void The_same_hash_leads_to_the_same_endpoint_whatever_the_order_they_come_in(LoadBalancingPolicy policy)
    {
        EndpointConfig[] endpoints = [.. Some(1, 20, healthy: 20)];
        var first = _from.PortsByHash(_from.Build(policy, endpoints), Requests);

        using var other = new PickedFrom(seed: 99);
        var second = other.PortsByHash(other.Build(policy, endpoints.Reverse()), Requests);

        second.Should().Equal(first);
    }

    [Fact]
    public void Gauges_tell_the_size_of_a_ring_and_follow_it()
    {
        _from.Build(LoadBalancingPolicy.RingHash, [One(1, weight: 1), One(2, weight: 3)], new LoadBalancerOptions { MinimumRingSize = 100 });
        _from.Stat("ring_hash_lb.size").Should().Be(100);
        _from.Stat("ring_hash_lb.min_hashes_per_host").Should().Be(25);
        _from.Stat("ring_hash_lb.max_hashes_per_host").Should().Be(75);

        _from.Build(LoadBalancingPolicy.RingHash, [One(1, weight: 1)], new LoadBalancerOptions { MinimumRingSize = 100 });
        _from.Stat("ring_hash_lb.min_hashes_per_host").Should().Be(100);
        _from.Build(LoadBalancingPolicy.RingHash, [], new LoadBalancerOptions { MinimumRingSize = 100 });
        _from.Stat("ring_hash_lb.size").Should().Be(0);
        _from.Store.Remove("c");
        _from.Registry.Collect().Values.Should().NotContain(static value => value.Name.Contains("ring_hash", StringComparison.Ordinal));
    }

    [Fact]
    public void Gauges_tell_how_evenly_a_Maglev_table_is_filled()
    {
        _from.Build(LoadBalancingPolicy.Maglev, Some(1, 3, healthy: 3), new LoadBalancerOptions { MaglevTableSize = 1009 });

        _from.Stat("maglev_lb.min_entries_per_host").Should().Be(336);
        _from.Stat("maglev_lb.max_entries_per_host").Should().Be(337);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Without_a_hash_the_choice_is_random(LoadBalancingPolicy policy)
    {
        var ports = _from.Ports(_from.Build(policy, Some(1, 4, healthy: 4)), Requests);

        // A ring of the default size is uneven by itself.
        ports.GroupBy(static port => port).Should().HaveCount(4).And.AllSatisfy(static group => group.Count().Should().BeInRange((int)(Requests * 0.2), (int)(Requests * 0.3)));
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.Maglev, 0.01)]
    [InlineData(LoadBalancingPolicy.RingHash, 0.04)]
    public void Hashes_follow_weights(LoadBalancingPolicy policy, double tolerance)
    {
        var ports = _from.PortsByHash(_from.Build(policy, [One(1, weight: 5), One(2, weight: 3), One(3, weight: 2)], new LoadBalancerOptions { MinimumRingSize = 10_000 }), Requests);

        double Share(int port) => ports.Count(picked => picked == port) / (double)Requests;
        Share(1).Should().BeApproximately(0.5, tolerance);
        Share(2).Should().BeApproximately(0.3, tolerance);
        Share(3).Should().BeApproximately(0.2, tolerance);
    }

    [Theory]
    [InlineData(5, 65537)]
    [InlineData(20, 65537)]
    [InlineData(50, 65537)]
    [InlineData(100, 655373)]
    public void Maglev_moves_at_most_a_third_more_than_it_must_when_an_endpoint_leaves(int count, int tableSize)
    {
        // What moves beside grows with the endpoints and shrinks with the table, which should have a hundred entries for each and better a thousand.
        var options = new LoadBalancerOptions { MaglevTableSize = tableSize };
        EndpointConfig[] endpoints = [.. Some(1, count, healthy: count)];
        var before = _from.PortsByHash(_from.Build(LoadBalancingPolicy.Maglev, endpoints, options), Requests);
        var after = _from.PortsByHash(_from.Build(LoadBalancingPolicy.Maglev, endpoints.Where(static endpoint => endpoint.Address.Port != 3), options), Requests);

        var moved = before.Zip(after).Count(static pair => pair.First != pair.Second);
        var must = before.Count(static port => port == 3);

        moved.Should().BeInRange(must, (int)(must * 1.3));
    }

    [Theory]
    [InlineData(HashFunction.XxHash)]
    [InlineData(HashFunction.MurmurHash2)]
    public void A_ring_moves_only_what_it_must_when_an_endpoint_leaves(HashFunction function)
    {
        var options = new LoadBalancerOptions { RingHashFunction = function };
        EndpointConfig[] endpoints = [.. Some(1, 16, healthy: 16)];
        var before = _from.PortsByHash(_from.Build(LoadBalancingPolicy.RingHash, endpoints, options), Requests);
        var after = _from.PortsByHash(_from.Build(LoadBalancingPolicy.RingHash, endpoints.Where(static endpoint => endpoint.Address.Port != 3), options), Requests);

        // A ring of at least 1,024 places gives 64 to each of 16 endpoints and 69 to each of 15: what moves beside goes to the 5 that are new.
        var moved = before.Zip(after).Where(static pair => pair.First != pair.Second && pair.First != 3).ToArray();
        moved.Length.Should().BeLessThan((int)(Requests * 1.2 * (15 * 5) / (15 * 69)));
    }

    [Theory]
    [InlineData(10, 1024, 8388608, 1030)]
    [InlineData(16, 1024, 8388608, 1024)]
    [InlineData(3, 1, 8388608, 3)]
    [InlineData(2000, 1024, 8388608, 2000)]
    [InlineData(2000, 1024, 1024, 1024)]
    public void A_ring_has_as_many_places_as_Envoys(int hosts, int minimum, int maximum, int places) =>
        new HashRing(Shares(hosts), minimum, maximum, HashFunction.XxHash).Size.Entries.Should().Be(places);

    [Fact]
    public void No_endpoint_of_a_ring_gets_much_more_than_its_share()
    {
        const int Hosts = 10;
        var ring = new HashRing(Shares(Hosts), 65_536, 8_388_608, HashFunction.XxHash);
        var picks = new int[Hosts];
        var random = new KubeProxyNet.Proxy.Transport.WorkerRandom(3);
        for (var i = 0; i < Requests; i++)
        {
            picks[ring.IndexOf(random.Next(), 0)]++;
        }

        // 6,554 places each: their sum varies by about 1/sqrt(6554), 1.2 %.
        picks.Should().OnlyContain(static count => count > Requests / Hosts * 0.94 && count < Requests / Hosts * 1.06);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(257)]
    public void A_table_gives_entries_to_all_of_many_endpoints(int hosts)
    {
        var table = new MaglevTable(Shares(hosts), 65537);

        Enumerable.Range(0, 65537).Select(place => table.IndexOf((ulong)place, 0)).GroupBy(static index => index).Should().HaveCount(hosts)
            .And.AllSatisfy(group => group.Count().Should().BeInRange(65537 / hosts, (65537 / hosts) + 1));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    public void The_ends_of_a_ring_meet(ulong hash)
    {
        var ring = new HashRing(Shares(4), 16, 64, HashFunction.XxHash);

        ring.IndexOf(hash, 0).Should().BeInRange(0, 3);
        if (hash == ulong.MaxValue)
        {
            ring.IndexOf(hash, 0).Should().Be(ring.IndexOf(0, 0), "behind the last place comes the first");
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Another_attempt_moves_on(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, Some(1, 10, healthy: 10));

        for (var hash = 1UL; hash < 100; hash++)
        {
            var tried = Enumerable.Range(0, 12).Select(attempt => _from.Pick(cluster, hash * 0x9E3779B97F4A7C15, attempt)!.Config.Address.Port).Distinct();
            tried.Count().Should().BeGreaterThan(3);
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void The_place_of_an_endpoint_can_come_from_its_host_name(LoadBalancingPolicy policy)
    {
        var options = new LoadBalancerOptions { UseHostnameForHashing = true };
        var before = _from.PortsByHash(_from.Build(policy, Some(1, 5, healthy: 5).Select(static (endpoint, i) => endpoint with { Hostname = $"pod-{i}" }), options), Requests);
        var after = _from.PortsByHash(_from.Build(policy, Some(101, 5, healthy: 5).Select(static (endpoint, i) => endpoint with { Hostname = $"pod-{i}" }), options), Requests);

        after.Should().Equal(before.Select(static port => port + 100), "the addresses changed and the names did not");
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void The_place_of_an_endpoint_can_come_from_its_metadata(LoadBalancingPolicy policy)
    {
        var before = _from.PortsByHash(_from.Build(policy, Some(1, 5, healthy: 5).Select(static (endpoint, i) => endpoint with { HashKey = $"shard-{i}" })), 1_000);
        var after = _from.PortsByHash(_from.Build(policy, Some(101, 5, healthy: 5).Select(static (endpoint, i) => endpoint with { HashKey = $"shard-{i}" })), 1_000);

        after.Should().Equal(before.Select(static port => port + 100));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void A_hash_can_count_the_weights_of_localities(LoadBalancingPolicy policy)
    {
        EndpointConfig[] endpoints = [One(1, locality: "a", localityWeight: 1), .. Some(11, 3, healthy: 3, locality: "b", localityWeight: 3), One(21, locality: "c")];

        var ports = _from.PortsByHash(_from.Build(policy, endpoints, new LoadBalancerOptions { IsLocalityWeighted = true, MinimumRingSize = 20_000 }), Requests);

        (ports.Count(static port => port == 1) / (double)Requests).Should().BeApproximately(0.25, 0.02);
        ports.Should().NotContain(21, "its locality has no weight");
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void A_bound_on_load_sends_requests_of_a_busy_endpoint_elsewhere(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, Some(1, 4, healthy: 4), new LoadBalancerOptions { HashBalanceFactor = 150 });
        const ulong Hash = 0x1234_5678_9ABC_DEF0;
        var usual = _from.Pick(cluster, Hash)!;
        _from.Worker.Stats.Add(cluster.State.Stats.RequestsActive, 8);
        usual.State.PageOf(_from.Worker).ActiveRequests = 3;
        _from.Pick(cluster, Hash).Should().BeSameAs(usual, "a quarter of 8, half as much again, is 3");

        usual.State.PageOf(_from.Worker).ActiveRequests = 4;
        var other = _from.Pick(cluster, Hash)!;

        other.Should().NotBeSameAs(usual);
        _from.Pick(cluster, Hash).Should().BeSameAs(other, "the order is that of the hash");
        foreach (var endpoint in cluster.Endpoints)
        {
            endpoint.State.PageOf(_from.Worker).ActiveRequests = endpoint == other ? 5 : 6;
        }

        _from.Pick(cluster, Hash).Should().BeSameAs(other, "where all are above the bound the least loaded is taken");
    }

    // What std::hash of a std::string gives with GCC's library.
    [Theory]
    [InlineData("", 0x553E93901E462A6EUL)]
    [InlineData("hello", 0x26553298FDBE39C8UL)]
    [InlineData("127.0.0.1:80_17", 0x260C77A91E47235EUL)]
    public void Murmur_hash_is_that_of_libstdcxx(string text, ulong hash) => MurmurHash2.Hash(Encoding.UTF8.GetBytes(text)).Should().Be(hash);

    private static HashShare[] Shares(int count)
    {
        using var from = new PickedFrom();
        return HashShare.Of([.. from.Build(LoadBalancingPolicy.Random, Some(1, count, healthy: count)).Endpoints], LoadBalancerOptions.Default);
    }
}

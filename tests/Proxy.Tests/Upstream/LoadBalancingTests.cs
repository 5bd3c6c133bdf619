using AwesomeAssertions;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Which endpoint each policy picks, on a worker that does not run, with a fixed seed.</summary>
public sealed class LoadBalancingTests : IDisposable
{
    private readonly PickedFrom _from = new();

    public void Dispose() => _from.Dispose();

    [Fact]
    public void Round_robin_gives_each_endpoint_its_turn()
    {
        var ports = Picks(Build(LoadBalancingPolicy.RoundRobin, One(1), One(2), One(3)), 30);

        for (var i = 0; i + 3 <= ports.Length; i++)
        {
            ports[i..(i + 3)].Should().OnlyHaveUniqueItems();
        }
    }

    [Fact]
    public void Round_robin_follows_weights_and_spreads_them()
    {
        var ports = Picks(Build(LoadBalancingPolicy.RoundRobin, One(1, weight: 5), One(2), One(3)), 7 * 10);

        ports.Count(port => port == 1).Should().Be(50);
        ports.Count(port => port == 2).Should().Be(10);
        ports.Count(port => port == 3).Should().Be(10);
        for (var i = 0; i + 4 <= ports.Length; i++)
        {
            ports[i..(i + 4)].Should().Contain(port => port != 1, "a heavy endpoint does not get its whole share at once");
        }
    }

    [Fact]
    public void Equal_weights_need_no_longer_round()
    {
        var ports = Picks(Build(LoadBalancingPolicy.RoundRobin, One(1, weight: 100), One(2, weight: 100)), 10);

        ports.Zip(ports.Skip(1)).Should().AllSatisfy(pair => pair.First.Should().NotBe(pair.Second));
    }

    [Fact]
    public void Extreme_weights_are_followed_to_the_turn()
    {
        var cluster = Build(LoadBalancingPolicy.RoundRobin, One(1, weight: 1_000_000), One(2), One(3, weight: 999_999));
        var turns = new int[4];
        for (var i = 0; i < 4_000_000; i++)
        {
            turns[_from.Pick(cluster)!.Config.Address.Port]++;
        }

        turns[1].Should().BeCloseTo(2_000_000, 4);
        turns[2].Should().BeCloseTo(2, 2);
        turns[3].Should().BeCloseTo(2_000_000, 4);
    }

    [Fact]
    public void A_round_that_is_too_long_to_be_laid_out_beforehand_is_as_exact()
    {
        var random = new WorkerRandom(9);
        EndpointConfig[] endpoints = [.. Enumerable.Range(1, 128).Select(port => One(port, weight: 1 + random.Next(1_000_000)))];
        var total = endpoints.Sum(static endpoint => (long)endpoint.Weight);

        var turns = Picks(Build(LoadBalancingPolicy.RoundRobin, endpoints), 50_000).CountBy(static port => port).ToDictionary();

        foreach (var endpoint in endpoints)
        {
            turns.GetValueOrDefault(endpoint.Address.Port).Should().BeInRange((int)(50_000L * endpoint.Weight / total) - 4, (int)(50_000L * endpoint.Weight / total) + 5);
        }
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    public void Not_even_the_first_weighted_pick_allocates(LoadBalancingPolicy policy)
    {
        // Whatever collections there are meanwhile, one of the clusters is picked from in quiet.
        EndpointConfig[] endpoints = [.. Enumerable.Range(1, 1_000).Select(static port => One(port, weight: port * 997))];
        var worn = Build(policy, endpoints);
        Picks(worn, 10_000);

        // What an endpoint keeps for a worker, it keeps over updates.
        Array.ForEach([.. worn.Endpoints], endpoint => endpoint.State.PageOf(_from.Worker));
        var clusters = new Queue<Cluster>(Enumerable.Range(1, 5).Select(shift => Build(policy, [.. endpoints.Select(endpoint => endpoint with { Weight = endpoint.Weight + shift })])));

        AllocatedBytes.Least(() =>
        {
            var cluster = clusters.Dequeue();
            for (var i = 0; i < 1_000; i++)
            {
                _from.Pick(cluster);
            }
        }).Should().Be(0);
    }

    [Fact]
    public void Random_follows_weights()
    {
        var ports = Picks(Build(LoadBalancingPolicy.Random, One(1, weight: 3), One(2)), 10_000);

        ports.Count(port => port == 1).Should().BeInRange(7_250, 7_750);
    }

    [Fact]
    public void Least_request_spreads_evenly_where_all_are_idle()
    {
        var ports = Picks(Build(LoadBalancingPolicy.LeastRequest, One(1), One(2), One(3), One(4)), 10_000);

        ports.GroupBy(static port => port).Should().HaveCount(4).And.AllSatisfy(group => group.Count().Should().BeInRange(2_250, 2_750));
    }

    [Fact]
    public void Least_request_avoids_the_busy_one()
    {
        var cluster = Build(LoadBalancingPolicy.LeastRequest, One(1), One(2), One(3), One(4));
        cluster.Endpoints[0].State.PageOf(_from.Worker).ActiveRequests = 100;

        var busy = Picks(cluster, 10_000).Count(static port => port == 1);

        busy.Should().BeInRange(450, 800, "it is picked only where both random choices fall on it: 1 in 16");
    }

    [Fact]
    public void Least_request_compares_as_many_as_it_is_told_to()
    {
        var cluster = _from.Build(LoadBalancingPolicy.LeastRequest, [One(1), One(2), One(3), One(4)], choices: 8);
        cluster.Endpoints[0].State.PageOf(_from.Worker).ActiveRequests = 100;

        Picks(cluster, 10_000).Count(static port => port == 1).Should().BeLessThan(10, "all eight would have to fall on it: 1 in 65,536");
    }

    [Theory]
    [InlineData(1.0, 10.0 / 6, 1.0 / 2)]
    [InlineData(0.0, 10.0, 1.0)]
    [InlineData(2.0, 10.0 / 36, 1.0 / 4)]
    public void Least_request_with_weights_divides_them_by_what_is_under_way(double bias, double first, double second)
    {
        var cluster = _from.Build(LoadBalancingPolicy.LeastRequest, [One(1, weight: 10), One(2)], new LoadBalancerOptions { ActiveRequestBias = bias });
        cluster.Endpoints[0].State.PageOf(_from.Worker).ActiveRequests = 5;
        cluster.Endpoints[1].State.PageOf(_from.Worker).ActiveRequests = 1;

        var share = Picks(cluster, 10_000).Count(static port => port == 1) / 10_000.0;

        share.Should().BeApproximately(first / (first + second), 0.002);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void Only_the_first_priority_with_a_usable_endpoint_is_used(LoadBalancingPolicy policy)
    {
        Picks(Build(policy, One(1), One(2) with { Priority = 1 }), 50).Should().AllBeEquivalentTo(1);
        Picks(Build(policy, One(1) with { Health = EndpointHealth.Unhealthy }, One(2) with { Priority = 1 }), 50).Should().AllBeEquivalentTo(2);
        Picks(Build(policy, One(1) with { Priority = 3 }, One(2) with { Priority = 5 }), 50).Should().AllBeEquivalentTo(1);
    }

    [Theory]
    [InlineData(EndpointHealth.Unknown, true)]
    [InlineData(EndpointHealth.Healthy, true)]
    [InlineData(EndpointHealth.Degraded, true)]
    [InlineData(EndpointHealth.Unhealthy, false)]
    [InlineData(EndpointHealth.Draining, false)]
    [InlineData(EndpointHealth.Timeout, false)]
    public void Health_decides_what_is_usable(EndpointHealth health, bool usable)
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [One(1) with { Health = health }], new LoadBalancerOptions { HealthyPanicThreshold = 0 });

        (_from.Pick(cluster) is not null).Should().Be(usable);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void Without_endpoints_there_is_none_to_pick(LoadBalancingPolicy policy)
    {
        var cluster = Build(policy);

        _from.Pick(cluster).Should().BeNull();
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void A_pick_allocates_nothing(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, [.. Some(1, 4, healthy: 2, priority: 0, locality: "a", localityWeight: 1), One(9, 5, 1, locality: "b", localityWeight: 2), One(10, 2, 1, locality: "c", localityWeight: 3)], new LoadBalancerOptions { IsLocalityWeighted = true });
        var picks = 0;
        for (var i = 0; i < 1_000; i++)
        {
            picks += _from.Pick(cluster, (ulong)i * 0x9E3779B97F4A7C15) is null ? 0 : 1;
        }

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 1_000; i++)
            {
                picks += _from.Pick(cluster, (ulong)i * 0x9E3779B97F4A7C15) is null ? 0 : 1;
            }
        }).Should().Be(0);
        picks.Should().BeGreaterThanOrEqualTo(2_000);
    }

    private Cluster Build(LoadBalancingPolicy policy, params EndpointConfig[] endpoints) => _from.Build(policy, endpoints);

    private int[] Picks(Cluster cluster, int count) => _from.Ports(cluster, count);
}

using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Which endpoint each policy picks, on a worker that does not run, with a fixed seed.</summary>
public sealed class LoadBalancingTests : IDisposable
{
    private readonly StatRegistry _registry = new();
    private readonly Worker _worker;

    public LoadBalancingTests() => _worker = new Worker(0, _registry.CreatePage(), TimeProvider.System, seed: 7, new DescriptorBudget(limit: 1000), static bug => throw bug);

    // The thread never started, so there is nothing to stop.
    public void Dispose() => _worker.Dispose();

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
    public void Extreme_weights_leave_nobody_out()
    {
        var ports = Picks(Build(LoadBalancingPolicy.RoundRobin, One(1, weight: int.MaxValue), One(2), One(3, weight: int.MaxValue - 1)), 20_000);

        ports.Should().Contain(1).And.Contain(2).And.Contain(3);
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
        cluster.Endpoints[0].State.PageOf(_worker).ActiveRequests = 100;

        var busy = Picks(cluster, 10_000).Count(static port => port == 1);

        busy.Should().BeInRange(450, 800, "it is picked only where both random choices fall on it: 1 in 16");
    }

    [Fact]
    public void Least_request_weighs_load_by_weight()
    {
        var cluster = Build(LoadBalancingPolicy.LeastRequest, One(1, weight: 10), One(2));
        cluster.Endpoints[0].State.PageOf(_worker).ActiveRequests = 5;
        cluster.Endpoints[1].State.PageOf(_worker).ActiveRequests = 1;

        Picks(cluster, 1_000).Count(static port => port == 1).Should().BeGreaterThan(650);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
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
        var cluster = Build(LoadBalancingPolicy.RoundRobin, One(1) with { Health = health });

        (cluster.LoadBalancer.Pick(_worker, cluster.State) is not null).Should().Be(usable);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    public void Without_endpoints_there_is_none_to_pick(LoadBalancingPolicy policy)
    {
        var cluster = Build(policy);

        cluster.LoadBalancer.Pick(_worker, cluster.State).Should().BeNull();
    }

    private static EndpointConfig One(int port, int weight = 1) => new() { Address = new SocketEndpoint(IPAddress.Loopback, port), Weight = weight };

    private Cluster Build(LoadBalancingPolicy policy, params EndpointConfig[] endpoints) =>
        new ClusterStore(_registry, [_worker]).Build(new ClusterSpecification(new ClusterConfig { Name = "c", LoadBalancing = policy }, [.. endpoints]));

    private int[] Picks(Cluster cluster, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => cluster.LoadBalancer.Pick(_worker, cluster.State)!.Config.Address.Port)];
}

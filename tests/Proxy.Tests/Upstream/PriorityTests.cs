using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>How load spreads over priorities: the examples of Envoy's documentation ("Priority levels", "Degraded endpoints", "Panic threshold").</summary>
public sealed class PriorityTests : IDisposable
{
    private readonly PickedFrom _from = new();

    public void Dispose() => _from.Dispose();

    [Theory]
    [InlineData("100 100", "100 0")]
    [InlineData("72 100", "100 0")]
    [InlineData("71 100", "99 1")]
    [InlineData("50 100", "70 30")]
    [InlineData("25 100", "35 65")]
    [InlineData("0 100", "0 100")]
    [InlineData("72 72", "100 0")]
    [InlineData("71 71", "99 1")]
    [InlineData("50 50", "70 30")]
    [InlineData("25 25", "50 50")]
    [InlineData("100 100 100", "100 0 0")]
    [InlineData("72 72 100", "100 0 0")]
    [InlineData("71 71 100", "99 1 0")]
    [InlineData("50 50 100", "70 30 0")]
    [InlineData("25 100 100", "35 65 0")]
    [InlineData("25 25 100", "35 35 30")]
    public void Load_spills_to_the_next_priority_as_health_falls(string healthy, string load) =>
        Distribute(healthy, panicThreshold: 0).Healthy.Should().Equal(Numbers(load));

    [Fact]
    public void What_rounding_leaves_goes_to_the_first_healthy_priority()
    {
        var load = Distribute("25 25 20", panicThreshold: 0).Healthy;

        // 36, 36 and 28 in the documentation, whose numbers are rounded one by one.
        load.Should().Equal(37, 35, 28);
    }

    [Theory]
    [InlineData(100, 0, 100, 0)]
    [InlineData(71, 0, 100, 0)]
    [InlineData(71, 29, 99, 1)]
    [InlineData(25, 65, 35, 65)]
    [InlineData(5, 0, 100, 0)]
    [InlineData(0, 100, 0, 100)]
    public void Degraded_endpoints_take_what_healthy_ones_cannot(int healthy, int degraded, int toHealthy, int toDegraded)
    {
        var load = PriorityLoad.Distribute([new LevelHealth(100, healthy, degraded, 100, healthy, degraded)], AssignmentPolicy.Default, 0);

        load.Healthy.Should().Equal(toHealthy);
        load.Degraded.Should().Equal(toDegraded);
    }

    [Fact]
    public async Task Retries_that_leave_priorities_out_go_by_the_health_of_the_last_change()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [One(1), One(2, priority: 1)]);
        var first = cluster.Endpoints[0].State;
        using var stop = new CancellationTokenSource();
        var asking = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                cluster.RetryPriorities.Availability([]).Should().BePositive();
            }
        });

        for (var i = 0; i < 2_000; i++)
        {
            var isHealthy = i % 2 == 1;
            _ = isHealthy ? first.Health.Clear(HostHealthFlags.FailedOutlierCheck) : first.Health.Set(HostHealthFlags.FailedOutlierCheck);
            _from.Store.Rebalance("c");
            cluster.RetryPriorities.Availability([false, true]).Should().Be(isHealthy ? 100 : 0);
        }

        await stop.CancelAsync();
        await asking;
    }

    [Theory]
    [InlineData("72 72", "100 0", "NO NO")]
    [InlineData("71 71", "99 1", "NO NO")]
    [InlineData("50 60", "70 30", "NO NO")]
    [InlineData("25 100", "35 65", "NO NO")]
    [InlineData("25 25", "50 50", "YES YES")]
    [InlineData("5 65", "8 92", "YES NO")]
    [InlineData("0 0", "50 50", "YES YES")]
    public void A_priority_panics_only_while_all_together_cannot_take_the_load(string healthy, string load, string panic)
    {
        var distributed = Distribute(healthy, panicThreshold: 50);

        distributed.Healthy.Should().Equal(Numbers(load));
        distributed.IsInPanic.Should().Equal(panic.Split(' ').Select(static text => text == "YES"));
    }

    [Fact]
    public void Where_all_panic_the_number_of_endpoints_decides()
    {
        var load = PriorityLoad.Distribute([new LevelHealth(30, 1, 0, 30, 1, 0), new LevelHealth(0, 0, 0, 0, 0, 0), new LevelHealth(10, 0, 0, 10, 0, 0)], AssignmentPolicy.Default, 50);

        load.Healthy.Should().Equal(75, 0, 25);
        load.IsInPanic.Should().AllBeEquivalentTo(true);
    }

    [Fact]
    public void A_level_without_a_whole_percent_of_its_weight_still_takes_the_load()
    {
        // Of two endpoints the light one is healthy: 140 % of 1 in 201 is no whole percent, and half of the endpoints is no panic.
        var load = PriorityLoad.Distribute([new LevelHealth(2, 1, 0, 201, 1, 0)], AssignmentPolicy.Default, 50);

        load.IsInPanic.Should().Equal(false);
        load.Healthy.Should().Equal(100);
    }

    [Fact]
    public void Without_panic_and_health_nobody_is_found()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, Some(1, 4, healthy: 0), new LoadBalancerOptions { HealthyPanicThreshold = 0 });

        _from.Pick(cluster).Should().BeNull();
        _from.Stat("lb_healthy_panic").Should().Be(0);
    }

    [Theory]
    [InlineData(100, 60, 40)]
    [InlineData(140, 84, 16)]
    [InlineData(200, 100, 0)]
    public void Overprovisioning_says_how_much_health_is_enough(int factor, int first, int second) =>
        PriorityLoad.Distribute([Level(60), Level(100)], new AssignmentPolicy { OverprovisioningFactor = factor }, 50).Healthy.Should().Equal(first, second);

    [Fact]
    public void Weights_may_say_how_healthy_a_priority_is()
    {
        EndpointConfig[] endpoints = [One(1, weight: 90), One(2, weight: 10, health: EndpointHealth.Unhealthy), One(3, weight: 10, health: EndpointHealth.Unhealthy), One(4, priority: 1)];

        Share(_from.Build(LoadBalancingPolicy.RoundRobin, endpoints), 4).Should().BeApproximately(0.54, 0.02);
        Share(_from.Build(LoadBalancingPolicy.RoundRobin, endpoints, assignment: new AssignmentPolicy { WeightedPriorityHealth = true }), 4).Should().Be(0);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void Traffic_follows_the_load_of_priorities(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, [.. Some(1, 10, healthy: 5), .. Some(101, 10, healthy: 2, degraded: 1, priority: 1), .. Some(201, 2, healthy: 2, priority: 2)]);

        var ports = _from.Ports(cluster, 20_000);

        ports.Distinct().Should().BeSubsetOf([1, 2, 3, 4, 5, 101, 102, 201, 202], "only the healthy ones are needed");
        (ports.Count(static port => port < 100) / 20_000.0).Should().BeApproximately(0.70, 0.015);
        (ports.Count(static port => port is > 100 and < 200) / 20_000.0).Should().BeApproximately(0.28, 0.015);
        (ports.Count(static port => port > 200) / 20_000.0).Should().BeApproximately(0.02, 0.005);
        _from.Stat("lb_healthy_panic").Should().Be(0);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void Degraded_endpoints_are_used_as_far_as_needed(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, Some(1, 20, healthy: 5, degraded: 13));

        var ports = _from.Ports(cluster, 20_000);

        (ports.Count(static port => port <= 5) / 20_000.0).Should().BeApproximately(0.35, 0.015);
        ports.Should().OnlyContain(static port => port <= 18);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void Panic_sends_to_all_endpoints_and_counts(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, Some(1, 10, healthy: 4), new LoadBalancerOptions { HealthyPanicThreshold = 50 });

        _from.Ports(cluster, 20_000).GroupBy(static port => port).Should().HaveCount(10).And.AllSatisfy(static group => group.Count().Should().BeInRange(1_500, 2_500));
        _from.Stat("lb_healthy_panic").Should().Be(20_000);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    [InlineData(LoadBalancingPolicy.RingHash)]
    [InlineData(LoadBalancingPolicy.Maglev)]
    public void The_candidates_are_what_is_picked(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, [.. Some(1, 10, healthy: 5), .. Some(101, 10, healthy: 2, degraded: 1, priority: 1), .. Some(201, 2, healthy: 2, priority: 2), .. Some(301, 2, healthy: 2, priority: 3)]);

        cluster.Endpoints.Where(cluster.LoadBalancer.Candidates.Contains).Select(static endpoint => endpoint.Config.Address.Port)
            .Should().BeEquivalentTo(_from.Ports(cluster, 20_000).Distinct());
    }

    [Fact]
    public void The_threshold_itself_is_no_panic()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, Some(1, 10, healthy: 5));

        _from.Ports(cluster, 100).Should().OnlyContain(static port => port <= 5);
    }

    [Fact]
    public void Health_found_at_run_time_takes_effect_without_a_new_cluster()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, Some(1, 3, healthy: 3));
        _from.Stat("membership_healthy").Should().Be(3);

        cluster.Endpoints[0].State.Health.Set(HostHealthFlags.FailedActiveHealthCheck).Should().BeTrue();
        cluster.Endpoints[0].State.Health.Set(HostHealthFlags.FailedActiveHealthCheck).Should().BeFalse();
        cluster.Endpoints[1].State.Health.Set(HostHealthFlags.DegradedActiveHealthCheck);
        _from.Ports(cluster, 300).Distinct().Should().HaveCount(3, "the balancer in force is the old one still");
        _from.Store.Rebalance("c");

        (_from.Ports(cluster, 10_000).Count(static port => port == 3) / 10_000.0).Should().BeApproximately(0.50, 0.02, "one third is healthy, one third degraded");
        _from.Stat("membership_healthy").Should().Be(1);
        _from.Stat("membership_degraded").Should().Be(1);
        _from.Stat("membership_total").Should().Be(3);

        cluster.Endpoints[0].State.Health.Clear(HostHealthFlags.FailedActiveHealthCheck).Should().BeTrue();
        cluster.Endpoints[1].State.Health.Clear(HostHealthFlags.DegradedActiveHealthCheck);
        _from.Store.Rebalance("c");
        _from.Ports(cluster, 300).GroupBy(static port => port).Should().HaveCount(3).And.AllSatisfy(static group => group.Count().Should().Be(100));
        _from.Store.Rebalance("no such cluster");
    }

    [Fact]
    public void Health_found_at_run_time_outlives_an_update_of_endpoints()
    {
        var first = _from.Build(LoadBalancingPolicy.RoundRobin, Some(1, 2, healthy: 2));
        first.Endpoints[0].State.Health.Set(HostHealthFlags.FailedOutlierCheck);

        var second = _from.Build(LoadBalancingPolicy.RoundRobin, Some(1, 3, healthy: 3));

        _from.Ports(second, 30).Should().NotContain(1);
    }

    private static int[] Numbers(string text) => [.. text.Split(' ').Select(int.Parse)];

    private static LevelHealth Level(int healthy) => new(100, healthy, 0, 100, healthy, 0);

    private static PriorityLoad Distribute(string healthy, int panicThreshold) =>
        PriorityLoad.Distribute([.. Numbers(healthy).Select(Level)], AssignmentPolicy.Default, panicThreshold);

    private double Share(Cluster cluster, int port) => _from.Ports(cluster, 10_000).Count(picked => picked == port) / 10_000.0;
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>An endpoint that is new gets its share little by little (Envoy documentation, "Slow start mode").</summary>
public sealed class SlowStartTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(100);

    [Theory]
    [InlineData(1.0, 0, 0.1)]
    [InlineData(1.0, 5_000, 0.1)]
    [InlineData(1.0, 50_000, 0.5)]
    [InlineData(1.0, 99_999, 0.99999)]
    [InlineData(1.0, 100_000, 1.0)]
    [InlineData(2.0, 25_000, 0.5)]
    [InlineData(0.5, 50_000, 0.25)]
    public void The_weight_grows_over_the_window(double aggression, long ageMs, double factor) =>
        new SlowStart(Window, aggression).Factor(ageMs).Should().BeApproximately(factor, 1e-9);

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin, 50, 1.0 / 3)]
    [InlineData(LoadBalancingPolicy.LeastRequest, 50, 1.0 / 3)]
    [InlineData(LoadBalancingPolicy.RoundRobin, 1, 0.1 / 1.1)]
    [InlineData(LoadBalancingPolicy.RoundRobin, 25, 0.2)]
    public void A_new_endpoint_gets_the_share_of_its_age(LoadBalancingPolicy policy, int ageSeconds, double share)
    {
        // The clock of a worker that does not run stands still, so what happened before is set back.
        var clock = new ManualClock();
        clock.Advance(TimeSpan.FromSeconds(1000));
        using var from = new PickedFrom(time: clock);
        var options = new LoadBalancerOptions { SlowStart = new SlowStart(Window) };
        clock.Advance(TimeSpan.FromSeconds(-900));
        from.Build(policy, [One(1)], options);
        clock.Advance(TimeSpan.FromSeconds(900 - ageSeconds));

        var cluster = from.Build(policy, [One(1), One(2)], options);

        (from.Ports(cluster, 10_000).Count(static port => port == 2) / 10_000.0).Should().BeApproximately(share, 0.005);
    }

    [Fact]
    public void An_endpoint_that_is_healthy_again_starts_slowly_too()
    {
        var clock = new ManualClock();
        clock.Advance(TimeSpan.FromSeconds(1000));
        using var from = new PickedFrom(time: clock);
        var options = new LoadBalancerOptions { SlowStart = new SlowStart(Window) };
        clock.Advance(TimeSpan.FromSeconds(-900));
        var cluster = from.Build(LoadBalancingPolicy.RoundRobin, [One(1), One(2)], options);
        clock.Advance(TimeSpan.FromSeconds(800));
        cluster.Endpoints[1].State.Health.Set(HostHealthFlags.FailedActiveHealthCheck);
        from.Store.Rebalance("c");
        clock.Advance(TimeSpan.FromSeconds(50));
        cluster.Endpoints[1].State.Health.Clear(HostHealthFlags.FailedActiveHealthCheck);
        from.Store.Rebalance("c");

        (from.Ports(cluster, 10_000).Count(static port => port == 2) / 10_000.0).Should().BeApproximately(1.0 / 3, 0.005);
    }

    [Fact]
    public void Where_nobody_is_new_the_round_is_the_usual_one()
    {
        var clock = new ManualClock();
        clock.Advance(TimeSpan.FromSeconds(1000));
        using var from = new PickedFrom(time: clock);
        var options = new LoadBalancerOptions { SlowStart = new SlowStart(Window) };
        from.Build(LoadBalancingPolicy.RoundRobin, [One(1), One(2)], options).LoadBalancer.Should().BeOfType<WeightedRound>();
        clock.Advance(Window);

        from.Build(LoadBalancingPolicy.RoundRobin, [One(1), One(2)], options).LoadBalancer.Should().BeOfType<RoundRobin>();
        from.Build(LoadBalancingPolicy.LeastRequest, [One(1), One(2)], LoadBalancerOptions.Default).LoadBalancer.Should().BeOfType<LeastRequest>();
    }
}

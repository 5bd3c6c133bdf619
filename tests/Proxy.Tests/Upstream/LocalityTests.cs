using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using static KubeProxyNet.Proxy.Tests.Upstream.PickedFrom;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Load over localities by their weights: the examples of Envoy's documentation ("Locality weighted load balancing").</summary>
public sealed class LocalityTests : IDisposable
{
    private static readonly LoadBalancerOptions Weighted = new() { IsLocalityWeighted = true };

    private readonly PickedFrom _from = new();

    public void Dispose() => _from.Dispose();

    [Theory]
    [InlineData(100, 0.33)]
    [InlineData(70, 0.33)]
    [InlineData(69, 0.32)]
    [InlineData(50, 0.26)]
    [InlineData(25, 0.15)]
    [InlineData(0, 0.0)]
    public void A_locality_loses_weight_with_its_healthy_endpoints(int healthy, double share)
    {
        // Locality X of weight 1 and Y of weight 2. A second priority would take what X cannot, so health is that of 300 endpoints in one.
        var cluster = _from.Build(
            LoadBalancingPolicy.RoundRobin, [.. Some(1, 100, healthy, locality: "x", localityWeight: 1), .. Some(1001, 200, healthy: 200, locality: "y", localityWeight: 2)], Weighted);

        (_from.Ports(cluster, 20_000).Count(static port => port < 1000) / 20_000.0).Should().BeApproximately(share, 0.01);
    }

    [Theory]
    [InlineData(LoadBalancingPolicy.RoundRobin)]
    [InlineData(LoadBalancingPolicy.LeastRequest)]
    [InlineData(LoadBalancingPolicy.Random)]
    public void Weights_of_localities_go_before_the_number_of_their_endpoints(LoadBalancingPolicy policy)
    {
        var cluster = _from.Build(policy, [.. Some(1, 9, healthy: 9, locality: "a", localityWeight: 1), One(101, locality: "b", localityWeight: 4)], Weighted);

        (_from.Ports(cluster, 20_000).Count(static port => port == 101) / 20_000.0).Should().BeApproximately(0.8, 0.005);
    }

    [Fact]
    public void A_locality_without_a_weight_gets_nothing()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [One(1, locality: "a", localityWeight: 1), One(2, locality: "b")], Weighted);

        _from.Ports(cluster, 100).Should().AllBeEquivalentTo(1);
    }

    [Fact]
    public void Where_no_locality_has_a_weight_all_endpoints_are_used()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [One(1, locality: "a"), One(2, locality: "b")], Weighted);

        _from.Ports(cluster, 100).Count(static port => port == 1).Should().Be(50);
    }

    [Fact]
    public void Without_the_setting_the_weights_of_localities_do_not_count()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [One(1, locality: "a", localityWeight: 1), One(2, locality: "b", localityWeight: 9)]);

        _from.Ports(cluster, 100).Count(static port => port == 1).Should().Be(50);
    }

    [Fact]
    public void Panic_leaves_localities_out_of_account()
    {
        var cluster = _from.Build(LoadBalancingPolicy.RoundRobin, [.. Some(1, 3, healthy: 1, locality: "a", localityWeight: 1), One(9, health: EndpointHealth.Unhealthy, locality: "b", localityWeight: 9)], Weighted);

        _from.Ports(cluster, 400).GroupBy(static port => port).Should().HaveCount(4).And.AllSatisfy(static group => group.Count().Should().Be(100));
    }
}

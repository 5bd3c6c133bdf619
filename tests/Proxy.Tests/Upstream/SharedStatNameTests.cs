using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>Clusters that share an <c>alt_stat_name</c>.</summary>
public sealed class SharedStatNameTests
{
    private const string Prefix = "cluster.shared.circuit_breakers.default.";
    private readonly StatRegistry _stats = new();

    [Fact]
    public void The_gauges_of_a_breaker_are_those_of_all_of_them_and_stay_when_one_goes()
    {
        var store = new ClusterStore(_stats, [], TimeProvider.System);
        Build(store, "a", maxRequests: 0);
        Build(store, "b", maxRequests: 10);
        (Value("rq_open"), Value("remaining_rq")).Should().Be((1, 10));

        store.Remove("a");
        (Value("rq_open"), Value("remaining_rq")).Should().Be((0, 10));
        store.Remove("b");
        _stats.Collect().Values.Should().NotContain(static stat => stat.Name.StartsWith(Prefix, StringComparison.Ordinal));
    }

    private static void Build(ClusterStore store, string name, int maxRequests) => store.Build(new ClusterSpecification(
        new ClusterConfig { Name = name, AltStatName = "shared", DefaultThresholds = new CircuitBreakerThresholds { MaxRequests = maxRequests, TrackRemaining = true } }, []));

    private long Value(string name) => _stats.Collect().Value(Prefix + name);
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.RuntimeLayers;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;

namespace KubeProxyNet.Proxy.Tests.Upstream;

/// <summary>What the runtime says of clusters (Envoy documentation, "Cluster manager: runtime").</summary>
public sealed class ClusterRuntimeTests
{
    private static readonly OutlierDetectionConfig Detection = new() { Consecutive5xx = 5, MaxEjectionPercent = 100 };

    [Fact]
    public void Runs_of_failures_follow_the_runtime_at_once_and_come_back()
    {
        using var cluster = new WatchedCluster(3, Detection);
        cluster.Detector.Apply(RuntimeLayerOf.Values(("outlier_detection.consecutive_5xx", "2")));
        WatchedCluster.Answer(cluster.Hosts[0], 500, 2);
        cluster.Ejected.Should().Equal(0);

        cluster.Detector.Apply(RuntimeValues.Empty);
        WatchedCluster.Answer(cluster.Hosts[1], 500, 4);
        cluster.Ejected.Should().Equal(0);
        WatchedCluster.Answer(cluster.Hosts[1], 500);
        cluster.Ejected.Should().Equal(0, 1);
    }

    [Fact]
    public void What_is_enforced_and_how_many_may_be_out_follow_the_runtime()
    {
        using var cluster = new WatchedCluster(4, Detection);
        cluster.Detector.Apply(RuntimeLayerOf.Values(("outlier_detection.enforcing_consecutive_5xx", "0")));
        WatchedCluster.Answer(cluster.Hosts[0], 500, 5);
        cluster.Ejected.Should().BeEmpty();

        cluster.Detector.Apply(RuntimeLayerOf.Values(("outlier_detection.max_ejection_percent", "25")));
        WatchedCluster.Answer(cluster.Hosts[1], 500, 5);
        WatchedCluster.Answer(cluster.Hosts[2], 500, 5);
        cluster.Ejected.Should().Equal(1);
    }

    [Fact]
    public void Every_setting_of_outlier_detection_has_its_key()
    {
        string[] keys =
        [
            "consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure", "enforcing_consecutive_5xx", "enforcing_consecutive_gateway_failure",
            "enforcing_consecutive_local_origin_failure", "enforcing_success_rate", "enforcing_local_origin_success_rate", "enforcing_failure_percentage",
            "enforcing_failure_percentage_local_origin", "success_rate_minimum_hosts", "success_rate_request_volume", "success_rate_stdev_factor", "failure_percentage_threshold",
            "failure_percentage_minimum_hosts", "failure_percentage_request_volume", "max_ejection_percent", "interval_ms", "base_ejection_time_ms", "max_ejection_time_ms",
            "max_ejection_time_jitter_ms",
        ];

        foreach (var key in keys)
        {
            OutlierDetectionRuntime.Apply(Detection, RuntimeLayerOf.Values(("outlier_detection." + key, key == "base_ejection_time_ms" ? "40000" : "77"))).Should().NotBe(Detection, key);
        }

        // An ejection is never shorter than its base, and what is no time leaves the configuration in force.
        OutlierDetectionRuntime.Apply(Detection, RuntimeLayerOf.Values(("outlier_detection.base_ejection_time_ms", "400000"))).MaxEjectionTime.Should().Be(TimeSpan.FromMilliseconds(400_000));
        OutlierDetectionRuntime.Apply(Detection, RuntimeLayerOf.Values(("outlier_detection.interval_ms", "0"))).Should().Be(Detection);
        OutlierDetectionRuntime.Apply(Detection, RuntimeLayerOf.Values(("outlier_detection.interval_ms", "soon"))).Should().Be(Detection);
    }

    [Fact]
    public void Circuit_breakers_follow_the_runtime_by_cluster_and_priority()
    {
        var configured = new CircuitBreakerThresholds();
        var runtime = RuntimeLayerOf.Values(
            ("circuit_breakers.c.default.max_connections", "1"), ("circuit_breakers.c.default.max_pending_requests", "2"), ("circuit_breakers.c.default.max_requests", "3"),
            ("circuit_breakers.c.default.max_retries", "4"), ("circuit_breakers.c.high.retry_budget.budget_percent", "12.5"));

        CircuitBreakerRuntime.Apply(configured, runtime, "c", "default").Should().Be(new CircuitBreakerThresholds { MaxConnections = 1, MaxPendingRequests = 2, MaxRequests = 3, MaxRetries = 4 });
        CircuitBreakerRuntime.Apply(configured, runtime, "c", "high").Should().Be(new CircuitBreakerThresholds { RetryBudget = new RetryBudget(12.5, 3) });
        CircuitBreakerRuntime.Apply(configured, runtime, "d", "default").Should().Be(configured);
    }

    [Fact]
    public void Balancing_follows_the_runtime()
    {
        var options = LoadBalancerRuntime.Apply(
            LoadBalancerOptions.Default,
            RuntimeLayerOf.Values(("upstream.healthy_panic_threshold", "200"), ("upstream.zone_routing.enabled", "30"), ("upstream.zone_routing.min_cluster_size", "2")));

        options.Should().Be(LoadBalancerOptions.Default with { HealthyPanicThreshold = 100, ZoneAware = new ZoneAwareOptions { RoutingEnabled = 30, MinClusterSize = 2 } });
        LoadBalancerRuntime.Apply(LoadBalancerOptions.Default, RuntimeLayerOf.Values(("upstream.healthy_panic_threshold", "no"))).Should().Be(LoadBalancerOptions.Default);
    }

    [Theory]
    [InlineData("health_check.min_interval", "7000", 7000)]
    [InlineData("health_check.max_interval", "300", 300)]
    [InlineData("health_check.max_interval", "0", 1)]
    [InlineData("health_check.min_interval", "18446744073709551615", 86_400_000)]
    [InlineData("health_check.min_interval", "500", 1000)]
    public void Intervals_of_health_checks_have_bounds(string key, string value, long expected)
    {
        var config = new HealthCheckConfig { Probe = new TcpHealthCheck(), Timeout = TimeSpan.FromSeconds(1), Interval = TimeSpan.FromSeconds(1), UnhealthyThreshold = 1, HealthyThreshold = 1 };
        var schedule = new HealthCheckSchedule(config, static () => 0) { Runtime = RuntimeLayerOf.Values((key, value)) };

        schedule.NextMs(isSuccess: true, HealthTransition.Unchanged, hasTraffic: true).Should().Be(expected);
    }

    [Fact]
    public void A_share_of_health_checks_is_verified()
    {
        var config = new HealthCheckConfig { Probe = new TcpHealthCheck(), Timeout = TimeSpan.FromSeconds(1), Interval = TimeSpan.FromSeconds(1), UnhealthyThreshold = 1, HealthyThreshold = 1 };
        var next = 0UL;
        var schedule = new HealthCheckSchedule(config, () => next++);

        Enumerable.Range(0, 200).Count(_ => schedule.Verifies()).Should().Be(200);
        schedule.Runtime = RuntimeLayerOf.Values(("health_check.verify_cluster", "25"));
        Enumerable.Range(0, 200).Count(_ => schedule.Verifies()).Should().Be(50);
    }
}

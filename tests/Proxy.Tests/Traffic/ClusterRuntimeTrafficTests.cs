using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Proxy.Tests.RuntimeLayers;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The runtime changes what running clusters do, without new configuration and with no connection lost.</summary>
public sealed class ClusterRuntimeTrafficTests
{
    private const string Request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    [Theory]
    [InlineData(1)]
    [InlineData(1_000_000)]
    public async Task A_limit_of_requests_falls_and_rises(int configured)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRequests = configured, TrackRemaining = true } } };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster], workers: 1);
        proxy.ExpectsNoConnections = false;
        proxy.Engine.Apply(RuntimeLayerOf.Values(("circuit_breakers.backend.default.max_requests", "2")));
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var third = await RawHttpClient.ConnectAsync(proxy.Port);
        await first.SendAsync(Request);
        await second.SendAsync(Request);
        await backend.WaitForRequestsAsync(2);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
        proxy.Stat("cluster.backend.circuit_breakers.default.remaining_rq").Should().Be(0);

        proxy.Engine.Apply(RuntimeLayerOf.Values(("circuit_breakers.backend.default.max_requests", "3")));
        await third.SendAsync(Request);
        await backend.WaitForRequestsAsync(3);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
        proxy.Engine.Apply(RuntimeValues.Empty);
        proxy.Stat("cluster.backend.circuit_breakers.default.remaining_rq").Should().Be(Math.Max(0, configured - 3));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cluster_in_maintenance_mode_turns_requests_away_at_once(bool suppresses)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], http => http with { SuppressEnvoyHeaders = suppresses });
        proxy.Engine.Apply(RuntimeLayerOf.Values(("upstream.maintenance_mode.backend", "100"), ("upstream.maintenance_mode.other", "100")));

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        response.BodyText.Should().Be("maintenance mode");
        response.Headers["x-envoy-overloaded"].Should().Be(suppresses ? null : "true");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UO maintenance_mode ");
        proxy.Stat("cluster.backend.upstream_rq_maintenance_mode").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_503").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_5xx").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_completed").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_rq_active").Should().Be(0);
        backend.Connections.Should().BeEmpty();

        proxy.Engine.Apply(RuntimeValues.Empty);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_share_of_the_requests_of_a_cluster_in_maintenance_mode_passes()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port);
        proxy.Engine.Apply(RuntimeLayerOf.Values(("upstream.maintenance_mode.backend", "50")));
        var statuses = new List<int>();
        for (var i = 0; i < 200; i++)
        {
            statuses.Add((await RawHttpClient.GetAsync(proxy.Port)).Status);
        }

        // Ten standard deviations of a fair coin: 200 throws.
        statuses.Should().OnlyContain(static status => status == 200 || status == 503);
        statuses.Count(static status => status == 503).Should().BeInRange(30, 170);
    }

    [Fact]
    public async Task The_panic_threshold_is_in_force_at_once_and_for_clusters_that_come_later()
    {
        await using var healthy = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var sick = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", healthy.Port, sick.Port);
        cluster = cluster with { Endpoints = [cluster.Endpoints[0], cluster.Endpoints[1] with { Health = EndpointHealth.Unhealthy }] };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster]);

        (await ShareOfSickAsync()).Should().Be(0);
        proxy.Engine.Apply(RuntimeLayerOf.Values(("upstream.healthy_panic_threshold", "80")));
        (await ShareOfSickAsync()).Should().Be(5);
        proxy.Engine.Apply(new Listeners.ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = cluster with { Config = cluster.Config with { ConnectTimeout = TimeSpan.FromSeconds(3) } } } });
        (await ShareOfSickAsync()).Should().Be(5);
        proxy.Engine.Apply(RuntimeValues.Empty);
        (await ShareOfSickAsync()).Should().Be(0);

        async Task<int> ShareOfSickAsync()
        {
            var before = sick.Requests.Count;
            for (var i = 0; i < 10; i++)
            {
                await RawHttpClient.GetAsync(proxy.Port);
            }

            return sick.Requests.Count - before;
        }
    }

    [Fact]
    public async Task Retries_are_switched_off_and_on()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError } }), [RunningProxy.Cluster("backend", backend.Port)]);
        proxy.Engine.Apply(RuntimeLayerOf.Values(("upstream.use_retry", "0")));
        await RawHttpClient.GetAsync(proxy.Port);
        backend.Requests.Should().HaveCount(1);
        proxy.Stat("cluster.backend.circuit_breakers.default.rq_retry_open").Should().Be(0);

        proxy.Engine.Apply(RuntimeValues.Empty);
        await RawHttpClient.GetAsync(proxy.Port);
        backend.Requests.Should().HaveCount(3);
    }

    [Fact]
    public async Task The_base_of_the_back_off_holds_for_policies_without_one()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero, RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError } }), [RunningProxy.Cluster("backend", backend.Port)]);
        proxy.Engine.Apply(RuntimeLayerOf.Values(("upstream.base_retry_backoff_ms", "2000000000")));
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync(Request);
            await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_retry") == 1, "the retry that waits");
        }

        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC ");
        backend.Requests.Should().HaveCount(1);
    }
}

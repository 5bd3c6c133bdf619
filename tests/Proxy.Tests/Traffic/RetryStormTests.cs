using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>A backend that fails everything gets little more than what was asked for.</summary>
public sealed class RetryStormTests
{
    [Fact]
    public async Task A_budget_of_20_percent_adds_at_most_a_quarter()
    {
        const int clients = 50;
        const int requests = 20;
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { RetryBudget = new RetryBudget(20, MinConcurrency: 0) } } };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError, NumRetries = 10 } }), [cluster], workers: 2);

        await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            for (var i = 0; i < requests; i++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                (await client.ReadResponseAsync()).Status.Should().Be(503);
            }
        }));

        // Of a hundred requests under way twenty are retries, and eighty were asked for.
        backend.Requests.Count.Should().BeInRange(clients * requests, (int)(clients * requests * 1.25));
        proxy.Stat("cluster.backend.upstream_rq_retry_overflow").Should().BePositive();
        proxy.Stat("cluster.backend.upstream_rq_active").Should().Be(0);
    }
}

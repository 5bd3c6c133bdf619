using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.LoadBalancing;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Requests that find no endpoint to go to.</summary>
public sealed class UnreachableBackendTests
{
    [Fact]
    public async Task A_refused_connection_is_answered_503_UF()
    {
        using var dead = DeadPort.Refusing();
        await using var proxy = RunningProxy.To(dead.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        response.BodyText.Should().Be("upstream connect error or disconnect/reset before headers. reset reason: remote connection failure");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UF upstream_reset_before_response_started{remote_connection_failure} 0 ");
        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_connection_that_hangs_is_answered_503_UF_after_the_connect_timeout()
    {
        using var dead = await DeadPort.SilentAsync();
        var cluster = RunningProxy.Cluster("backend", dead.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { ConnectTimeout = TimeSpan.FromMilliseconds(50) } }]);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UF upstream_reset_before_response_started{connection_timeout} ");
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_client_that_leaves_while_the_connection_hangs_ends_the_attempt()
    {
        using var dead = await DeadPort.SilentAsync();
        var cluster = RunningProxy.Cluster("backend", dead.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { ConnectTimeout = TimeSpan.FromHours(1) } }]);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 1, "the attempt");
        }

        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC downstream_remote_disconnect ");
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_cluster_without_endpoints_is_answered_503_UH()
    {
        await using var proxy = RunningProxy.To();

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        response.BodyText.Should().Be("no healthy upstream");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UH no_healthy_upstream ");
        proxy.Stat("cluster.backend.upstream_cx_none_healthy").Should().Be(1);
    }

    [Fact]
    public async Task An_unhealthy_endpoint_is_no_endpoint_where_there_is_no_panic()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        var sick = cluster with
        {
            Config = cluster.Config with { Balancing = new LoadBalancerOptions { HealthyPanicThreshold = 0 } },
            Endpoints = [cluster.Endpoints[0] with { Health = EndpointHealth.Unhealthy }],
        };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [sick]);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
        backend.Connections.Should().BeEmpty();
    }

    [Theory]
    [InlineData(503)]
    [InlineData(404)]
    [InlineData(500)]
    public async Task An_unknown_cluster_is_answered_as_configured_with_NC(int status)
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("nowhere", forward => forward with { ClusterNotFoundResponseCode = status }), []);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(status);
        (await proxy.LogAsync()).Should().StartWith($"GET / {status} NC cluster_not_found ");
    }

    [Fact]
    public async Task Local_answers_keep_the_connection_for_the_next_request()
    {
        await using var proxy = RunningProxy.To();
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            (await client.ReadResponseAsync()).Status.Should().Be(503);
        }

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");
        (await client.ReadResponseAsync()).Headers.Contains("connection").Should().BeFalse();
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        (await client.ReadResponseAsync()).Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }
}

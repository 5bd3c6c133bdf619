using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Times of routes, and times of connections.</summary>
public sealed class TimeoutTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(60);

    [Fact]
    public async Task The_idle_timeout_of_a_route_goes_before_its_connection_managers()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = ToHanging(backend, action => action with { IdleTimeout = Short });

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(504);
        response.BodyText.Should().Be("stream timeout");
        (await proxy.LogAsync()).Should().Contain(" 504 SI stream_idle_timeout ");
    }

    [Fact]
    public async Task An_idle_timeout_of_zero_on_a_route_switches_its_connection_managers_off()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { IdleTimeout = TimeSpan.Zero, Timeout = 3 * Short }),
            [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { StreamIdleTimeout = Short });

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("upstream request timeout");
    }

    [Fact]
    public async Task The_longest_duration_of_a_route_ends_its_streams()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = ToHanging(backend, action => action with { MaxStreamDuration = Short });

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);

        (await proxy.LogAsync()).Should().Contain(" 504 DT max_duration_timeout ");
        proxy.Stat("http.test.downstream_rq_max_duration_reached").Should().Be(1);
    }

    [Fact]
    public async Task A_longest_duration_of_zero_on_a_route_switches_its_connection_managers_off()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { MaxStreamDuration = TimeSpan.Zero, Timeout = 3 * Short }),
            [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { MaxStreamDuration = Short });

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("upstream request timeout");
    }

    [Fact]
    public async Task A_head_counts_to_the_time_for_the_whole_request()
    {
        await using var proxy = RunningProxy.To(0, http => http with { RequestHeadersTimeout = TimeSpan.Zero, RequestTimeout = Short });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\n");

        (await client.ReadResponseAsync()).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().Contain(" 408 - request_overall_timeout ");
    }

    [Fact]
    public async Task A_head_counts_to_the_stream_idle_timeout()
    {
        await using var proxy = RunningProxy.To(0, http => http with { RequestHeadersTimeout = TimeSpan.Zero, StreamIdleTimeout = Short });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\n");

        (await client.ReadResponseAsync()).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().Contain(" 408 SI stream_idle_timeout ");
    }

    [Fact]
    public async Task An_unused_connection_ends_with_its_longest_life()
    {
        await using var proxy = RunningProxy.To(0, http => http with { MaxConnectionDuration = Short, DrainTimeout = Short });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        proxy.Stat("http.test.downstream_cx_max_duration_reached").Should().Be(1);
    }

    [Fact]
    public async Task A_request_within_the_drain_time_is_served_and_told_to_close()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { MaxConnectionDuration = Short, DrainTimeout = TimeSpan.FromMinutes(5) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await KubeProxyNet.Testing.Patience.UntilAsync(() => proxy.Stat("http.test.downstream_cx_max_duration_reached") == 1, "the longest life");

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(200);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    private static RunningProxy ToHanging(ScriptedBackend backend, Func<ForwardAction, ForwardAction> configure) =>
        RunningProxy.Start(RunningProxy.Everything("backend", configure), [RunningProxy.Cluster("backend", backend.Port)]);
}

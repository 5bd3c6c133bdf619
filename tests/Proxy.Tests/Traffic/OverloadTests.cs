using AwesomeAssertions;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What a client meets while an overload action is in force, and at the limits of connections.</summary>
public sealed class OverloadTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    [Fact]
    public async Task Without_keep_alive_a_response_ends_its_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(Get);
        (await client.ReadResponseAsync()).Headers.Contains("connection").Should().BeFalse();

        proxy.Engine.Overload.Set(OverloadAction.DisableHttpKeepAlive, 1);
        await client.SendAsync(Get);

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(200);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Stat("http.test.downstream_cx_overload_disable_keepalive").Should().Be(1);
    }

    [Fact]
    public async Task New_requests_are_answered_503_and_running_ones_end_well()
    {
        var mayAnswer = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(mayAnswer, 200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var running = await RawHttpClient.ConnectAsync(proxy.Port);
        await running.SendAsync(Get);
        await backend.WaitForConnectionAsync(1);

        proxy.Engine.Overload.Set(OverloadAction.StopAcceptingRequests, 1);
        var refused = await RawHttpClient.GetAsync(proxy.Port);
        mayAnswer.Set();

        refused.Status.Should().Be(503);
        refused.BodyText.Should().Be("overloaded");
        (await proxy.LogAsync()).Should().Be("GET / 503 OM overload 0 10");
        (await running.ReadResponseAsync()).Status.Should().Be(200);
        proxy.Stat("http.test.downstream_rq_overload_close").Should().Be(1);
    }

    [Fact]
    public async Task New_connections_wait_until_the_action_ends()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port);
        proxy.Engine.Overload.Set(OverloadAction.StopAcceptingConnections, 1);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(Get);
        var answer = client.ReadResponseAsync();

        // One that asks past the paused listener would have been answered by now.
        await using var other = RunningProxy.To(backend.Port);
        (await RawHttpClient.GetAsync(other.Port)).Status.Should().Be(200);
        answer.IsCompleted.Should().BeFalse();
        proxy.Stat("http.test.downstream_cx_total").Should().Be(0);
        proxy.Engine.Overload.Set(OverloadAction.StopAcceptingConnections, 0);

        (await answer).Status.Should().Be(200);
    }

    [Fact]
    public async Task New_connections_are_closed_where_they_are_to_be_rejected()
    {
        await using var proxy = RunningProxy.To(0);
        proxy.Engine.Overload.Set(OverloadAction.RejectIncomingConnections, 1);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        proxy.Engine.Overload.Set(OverloadAction.RejectIncomingConnections, 0);
    }

    [Fact]
    public async Task A_connection_beyond_the_limit_of_the_listener_is_closed_and_the_others_are_served()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], listener: listener => listener with { FilterChains = [listener.FilterChains[0] with { MaxConnections = 1, ConnectionLimitStatPrefix = "few" }] });
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port);
        await first.SendAsync(Get);
        await first.ReadResponseAsync();
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);

        (await second.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        proxy.Stat("connection_limit.few.limited_connections").Should().Be(1);
        proxy.Stat("connection_limit.few.active_connections").Should().Be(1);
        await first.SendAsync(Get);
        (await first.ReadResponseAsync()).Status.Should().Be(200);
        await first.DisposeAsync();
        await proxy.WaitForNoConnectionsAsync();
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200, "a place that was given back can be taken");
    }

    [Fact]
    public async Task A_connection_beyond_the_limit_of_the_process_is_closed()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], overload: new OverloadConfig { MaxDownstreamConnections = 1 });
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port);
        await first.SendAsync(Get);
        await first.ReadResponseAsync();
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);

        (await second.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.downstream_global_cx_overflow").Should().Be(1);
    }

    [Fact]
    public async Task The_connection_that_holds_most_is_reset_and_the_others_live()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) => request.Target == "/large"
            ? connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: 64000000\r\n\r\n{new string('x', 16_000_000)}")
            : connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var small = await RawHttpClient.ConnectAsync(proxy.Port);
        await small.SendAsync(Get);
        await small.ReadResponseAsync();
        await using var large = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 4096);
        await large.SendAsync("GET /large HTTP/1.1\r\nhost: a\r\n\r\n");
        await large.ReadHeadAsync();

        await Patience.UntilAsync(
            () =>
            {
                proxy.Engine.ResetLargest();
                return proxy.Stat("overload.envoy.overload_actions.reset_high_memory_stream.count") > 0;
            },
            "the reset of the connection that holds most");

        (await proxy.LogAsync(2)).Should().StartWith("GET /large 200 OM overload");
        await small.SendAsync(Get);
        (await small.ReadResponseAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_body_that_comes_too_slowly_is_answered_408()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var clock = new ManualClock();
        await using var proxy = RunningProxy.To(backend.Port, http => http, clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nhello");
        await backend.WaitForConnectionAsync(1);

        await Patience.UntilAsync(
            async () =>
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                await client.SendAsync("x");
                return proxy.Stat("http.test.downstream_rq_slow_client") > 0;
            },
            "the end of a client that sends a byte a second");

        (await client.ReadResponseAsync()).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().Contain(" 408 - request_body_too_slow ");
    }

    [Fact]
    public async Task A_body_that_comes_fast_enough_may_take_long()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var clock = new ManualClock();
        await using var proxy = RunningProxy.To(backend.Port, http => http, clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {60 * 300}\r\n\r\n");
        var connection = await backend.WaitForConnectionAsync(1);

        for (var second = 1; second <= 60; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await client.SendAsync(new string('x', 300));
            await Patience.UntilAsync(() => connection.Received.Length > second * 300, "what was sent");
        }

        (await client.ReadResponseAsync()).Status.Should().Be(200);
    }
}

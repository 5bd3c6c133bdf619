using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Clients that take their time.</summary>
public sealed class SlowClientTests
{
    [Fact]
    public async Task A_head_that_comes_byte_by_byte_is_served()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendByteByByteAsync("\r\nPOST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");

        var echoed = EchoedRequest.From(await client.ReadResponseAsync());
        echoed.Target.Should().Be("/slow");
        echoed.Body.Should().Be("body");
    }

    [Fact]
    public async Task A_chunked_body_that_comes_byte_by_byte_is_served()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendByteByByteAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4;x=y\r\nbody\r\nA\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n");

            var echoed = EchoedRequest.From(await client.ReadResponseAsync());
            echoed.Body.Should().Be("body0123456789");
            echoed.Headers["transfer-encoding"].Should().Be("chunked");
        }
    }

    [Theory]
    [InlineData("G")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n")]
    public async Task A_head_that_never_ends_is_answered_408(string part)
    {
        await using var proxy = RunningProxy.To(0, http => http with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(50) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(part);

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(408);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.LogAsync()).Should().Contain(" 408 - request_header_timeout ");
        proxy.Stat("http.test.downstream_rq_header_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_second_head_that_never_ends_is_answered_408_too()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(100) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /half");

        (await client.ReadResponseAsync()).Status.Should().Be(200);
        (await client.ReadResponseAsync()).Status.Should().Be(408);
    }

    [Fact]
    public async Task A_body_that_never_ends_is_answered_408_after_the_request_timeout()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { RequestTimeout = TimeSpan.FromMilliseconds(100) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().StartWith("POST / 408 - request_overall_timeout ");
        backend.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task A_stream_on_which_nothing_moves_is_ended_with_SI()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { StreamIdleTimeout = TimeSpan.FromMilliseconds(50) });

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);

        (await proxy.LogAsync()).Should().StartWith("GET / 504 SI stream_idle_timeout ");
    }

    [Fact]
    public async Task A_stream_that_lives_too_long_is_ended_with_DT()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { MaxStreamDuration = TimeSpan.FromMilliseconds(50) });

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);

        (await proxy.LogAsync()).Should().StartWith("GET / 504 DT max_duration_timeout ");
    }

    [Fact]
    public async Task A_connection_without_a_request_is_closed_in_silence_after_the_idle_timeout()
    {
        await using var proxy = RunningProxy.To(0, http => http with { IdleTimeout = TimeSpan.FromMilliseconds(50) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Stat("http.test.downstream_cx_idle_timeout").Should().Be(1);
    }

    [Fact]
    public async Task A_connection_between_requests_is_closed_in_silence_after_the_idle_timeout()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { IdleTimeout = TimeSpan.FromMilliseconds(50) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Headers.Contains("connection").Should().BeFalse();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_client_that_reads_nothing_is_cut_after_the_stall_deadline()
    {
        var clock = new ManualClock();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, new string('x', 200 * 1024)));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { StreamIdleTimeout = TimeSpan.FromMinutes(5) }, clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 4096);
        await client.SendAsync(string.Concat(Enumerable.Repeat("GET / HTTP/1.1\r\nhost: a\r\n\r\n", 500)));
        await Patience.UntilAsync(async () => await proxy.Engine.RentedBlocksAsync() > 16, "output that waits for the client");

        await Patience.UntilAsync(
            async () =>
            {
                clock.Advance(TimeSpan.FromSeconds(30));
                await proxy.Engine.RentedBlocksAsync();
                return proxy.Engine.ConnectionCount == 0;
            },
            "the end of the connection");
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>An empty line before a request is nothing (RFC 9112 §2.2): it is neither a request nor the beginning of one.</summary>
public sealed class EmptyLineTests
{
    [Theory]
    [InlineData("\r")]
    [InlineData("\r\n")]
    [InlineData("\r\n\r\n\r\n")]
    public async Task A_connection_with_empty_lines_alone_is_idle_and_ends_without_a_word(string lines)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = RunningProxy.To(backend.Port, static http => http with
        {
            RequestHeadersTimeout = TimeSpan.FromMilliseconds(20),
            IdleTimeout = TimeSpan.FromMilliseconds(200),
        });
        await using var fresh = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var used = await RawHttpClient.ConnectAsync(proxy.Port);
        await fresh.SendAsync(lines);
        await used.SendAsync($"GET / HTTP/1.1\r\nhost: a\r\n\r\n{lines}");

        (await used.ReadResponseAsync()).BodyText.Should().Be("ok");
        (await fresh.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await used.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Stat("http.test.downstream_cx_idle_timeout").Should().Be(2);
        proxy.Stat("http.test.downstream_rq_header_timeout").Should().Be(0);
        proxy.Stat("http.test.downstream_rq_total").Should().Be(1);
    }

    [Fact]
    public async Task A_request_that_follows_an_empty_line_has_the_deadline_of_a_head()
    {
        await using var proxy = RunningProxy.To(0, static http => http with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(50) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("\r\n");
        await client.SendAsync("GET / HT");

        (await client.ReadResponseAsync()).Status.Should().Be(408);
    }

    [Fact]
    public async Task Empty_lines_between_requests_change_nothing()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($"POST /{i} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi\r\n");
            await client.SendByteByByteAsync("\r\n\r\n");

            EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be($"/{i}");
        }
    }
}

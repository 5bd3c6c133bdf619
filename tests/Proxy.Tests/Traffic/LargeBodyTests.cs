using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Large response bodies go from socket to socket through a pipe that all connections of a worker share: bytes never stray, whoever is slow or leaves.</summary>
public sealed class LargeBodyTests
{
    private const int Size = 3_000_000;

    [Fact]
    public async Task Slow_readers_and_leaving_ones_do_not_touch_what_others_get()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {Size}\r\n\r\n");
            await connection.SendAsync(BodyOf(int.Parse(request.Target[1..], null)));
        }));
        await using var proxy = RunningProxy.To(backend.Port);

        await Task.WhenAll(Enumerable.Range(0, 24).Select(async number =>
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: number % 3 == 0 ? 4096 : null);
            await client.SendAsync($"GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n");
            if (number % 3 == 1)
            {
                await client.ReadBytesAsync(100_000);
                client.Socket.Close(timeout: 0);
                return;
            }

            var first = await client.ReadResponseAsync();
            await client.SendAsync($"GET /{number + 100} HTTP/1.1\r\nhost: a\r\n\r\n");
            var second = await client.ReadResponseAsync();

            first.Body.AsSpan().SequenceEqual(BodyOf(number)).Should().BeTrue();
            second.Body.AsSpan().SequenceEqual(BodyOf(number + 100)).Should().BeTrue();
        }));

        await proxy.WaitForNoConnectionsAsync();
    }

    [Fact]
    public async Task A_body_that_ends_with_the_connection_arrives_whole_at_a_client_of_HTTP_1_0()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\n");
            await connection.SendAsync(BodyOf(1));
        });
        await using var proxy = RunningProxy.To(backend.Port, config => config with { AcceptHttp10 = true });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.0\r\nhost: a\r\n\r\n");

        response.Body.AsSpan().SequenceEqual(BodyOf(1)).Should().BeTrue();
        (await proxy.LogAsync()).Should().Be($"GET / 200 - via_upstream 0 {Size}");
    }

    [Fact]
    public async Task Bytes_behind_a_large_body_are_nobodys_answer()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {Size}\r\n\r\n");
                await connection.SendAsync((byte[])[.. BodyOf(1), .. "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"u8]);
                await connection.DrainAsync();
            },
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).Body.AsSpan().SequenceEqual(BodyOf(1)).Should().BeTrue();
        await client.SendAsync("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");

        (await client.ReadResponseAsync()).BodyText.Should().Be("good");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_that_breaks_off_is_not_taken_for_whole(bool reset)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {Size}\r\n\r\n");
            await connection.SendAsync(BodyOf(1).AsMemory(0, Size / 2));
            if (reset)
            {
                connection.Reset();
            }
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        var reading = async () => await client.ReadResponseAsync();

        await reading.Should().ThrowAsync<RawFramingException>();
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UC ");
    }

    private static byte[] BodyOf(int number)
    {
        var body = new byte[Size];
        new Random(number).NextBytes(body);
        return body;
    }
}

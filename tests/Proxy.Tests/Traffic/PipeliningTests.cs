using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Requests that arrive before the answers to those in front of them.</summary>
public sealed class PipeliningTests
{
    private const string Mixed =
        "GET /0 HTTP/1.1\r\nhost: a\r\n\r\n"
        + "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"
        + "POST /2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nt: r\r\n\r\n"
        + "\r\nHEAD /3 HTTP/1.1\r\nhost: a\r\n\r\n"
        + "POST /4 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"
        + "GET /5 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    [Fact]
    public async Task Are_answered_in_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(Mixed);

        await ExpectAllAsync(client);
    }

    [Fact]
    public async Task Are_answered_in_order_wherever_they_are_split()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        for (var cut = 1; cut < Mixed.Length; cut++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendSplitAsync(Mixed, cut);
            await ExpectAllAsync(client);
        }
    }

    [Fact]
    public async Task Are_answered_in_order_when_they_come_byte_by_byte()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendByteByByteAsync(Mixed);

        await ExpectAllAsync(client);
    }

    [Fact]
    public async Task Many_are_answered_in_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        var sending = client.SendAsync(string.Concat(Enumerable.Range(0, 2000).Select(i => $"GET /{i} HTTP/1.1\r\nhost: a\r\n\r\n")));

        for (var i = 0; i < 2000; i++)
        {
            EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be($"/{i}");
        }

        await sending;
    }

    [Fact]
    public async Task Behind_a_large_head_and_a_chunked_body_are_kept_whole()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        var head = $"POST /large HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nx: {new string('x', 55_000)}\r\n\r\n";
        var body = new string('b', 80_000);

        // The body's end and the next requests reach the proxy together, once the first part of the body is on its way.
        await client.SendAsync($"{head}{body.Length:x}\r\n{body[..79_000]}");
        await backend.WaitForConnectionAsync(1);
        await client.SendAsync($"{body[79_000..]}\r\n0\r\n\r\n" + string.Concat(Enumerable.Range(0, 2000).Select(i => $"GET /{i} HTTP/1.1\r\nhost: a\r\n\r\n")));

        EchoedRequest.From(await client.ReadResponseAsync("POST")).Body.Should().Be(body);
        for (var i = 0; i < 2000; i++)
        {
            EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be($"/{i}");
        }
    }

    [Fact]
    public async Task Large_answers_to_a_slow_reader_stay_in_order_and_bounded()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) =>
            connection.SendAsync(BackendScripts.ResponseText(200, request.Target.PadRight(100_000, 'x'), [], withBody: true))));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 16_384);
        await client.SendAsync(string.Concat(Enumerable.Range(0, 200).Select(i => $"GET /{i}. HTTP/1.1\r\nhost: a\r\n\r\n")));

        for (var i = 0; i < 200; i++)
        {
            (await proxy.Engine.RentedBlocksAsync()).Should().BeLessThan(42);
            (await client.ReadResponseAsync()).BodyText.Should().StartWith($"/{i}.").And.HaveLength(100_000);
        }
    }

    private static async Task ExpectAllAsync(RawHttpClient client)
    {
        string[] bodies = ["", "hello", "abcde", "", "", ""];
        for (var i = 0; i < bodies.Length; i++)
        {
            var response = await client.ReadResponseAsync(i == 3 ? "HEAD" : "GET");
            response.Status.Should().Be(200);
            if (i != 3)
            {
                var echoed = EchoedRequest.From(response);
                echoed.Target.Should().Be($"/{i}");
                echoed.Body.Should().Be(bodies[i]);
            }
        }

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }
}

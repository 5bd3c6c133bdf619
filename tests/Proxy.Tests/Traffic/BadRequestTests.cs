using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Requests that are refused: nothing of them may reach the backend, and the connection ends.</summary>
public sealed class BadRequestTests
{
    public static TheoryData<string, int, string> BadHeads => new()
    {
        { "length and chunked", 400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "chunked and length", 400, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n" },
        { "two lengths", 400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd" },
        { "signed length", 400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc" },
        { "negative length", 400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n" },
        { "hex length", 400, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x3\r\n\r\nabc" },
        { "obfuscated coding", 501, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n" },
        { "two codings", 501, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n" },
        { "bare LF", 400, "GET / HTTP/1.1\nhost: a\n\n" },
        { "bare LF in a field", 400, "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n" },
        { "obs-fold", 400, "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n" },
        { "space before colon", 400, "GET / HTTP/1.1\r\nhost : a\r\n\r\n" },
        { "NUL in a value", 400, "GET / HTTP/1.1\r\nhost: a\r\nx: y\0z\r\n\r\n" },
        { "NUL in a name", 400, "GET / HTTP/1.1\r\nhost: a\r\nx\0: y\r\n\r\n" },
        { "NUL in the target", 400, "GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n" },
        { "no host", 400, "GET / HTTP/1.1\r\nx: y\r\n\r\n" },
        { "two hosts", 400, "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n" },
        { "host with a slash", 400, "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n" },
        { "HTTP/0.9", 400, "GET /\r\n\r\n" },
        { "HTTP/2.0", 505, "GET / HTTP/2.0\r\nhost: a\r\n\r\n" },
        { "too large a head", 431, $"GET / HTTP/1.1\r\nhost: a\r\nx: {new string('x', 62_000)}\r\n\r\n" },
        { "too long a target", 431, $"GET /{new string('x', 70_000)} HTTP/1.1\r\nhost: a\r\n\r\n" },
        { "too many fields", 431, $"GET / HTTP/1.1\r\nhost: a\r\n{string.Concat(Enumerable.Repeat("x: y\r\n", 100))}\r\n" },
        { "an upgrade", 403, "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n" },
        { "CONNECT", 403, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\nconnection: close\r\n\r\n" },
        { "HTTP/1.0", 426, "GET / HTTP/1.0\r\nhost: a\r\n\r\n" },
        { "bad chunk with the head", 400, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n0\r\n\r\n" },
        { "signed chunk size", 400, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n" },
        { "chunk longer than its size", 400, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(BadHeads))]
    public async Task Is_refused_and_the_connection_ends(string what, int status, string request)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(request);

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(status, what);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Connections.Should().BeEmpty();
        await proxy.LogAsync();
    }

    [Theory]
    [InlineData("zz\r\n")]
    [InlineData("-1\r\n")]
    [InlineData("5\nhello")]
    [InlineData("5\r\nhelloXX")]
    [InlineData("5;a\rb\r\nhello\r\n")]
    [InlineData("0\r\nno trailer\r\n\r\n")]
    public async Task A_malformed_chunk_during_the_upload_is_answered_400(string chunk)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n");
        var connection = await backend.WaitForConnectionAsync(1);

        await client.SendAsync(chunk);

        var response = await client.ReadResponseAsync("POST");
        response.Status.Should().Be(400);
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        await connection.Ended.WaitAsync();
        backend.Requests.Should().BeEmpty("the body never ended");
        (await proxy.LogAsync()).Should().StartWith("POST / 400 DPE ");
    }

    [Fact]
    public async Task Nothing_behind_a_refused_request_is_served()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(
            "GET /good HTTP/1.1\r\nhost: a\r\n\r\n"
            + "POST /bad HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            + "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");

        (await client.ReadResponseAsync()).Status.Should().Be(200);
        (await client.ReadResponseAsync()).Status.Should().Be(400);
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Requests.Should().ContainSingle().Which.Target.Should().Be("/good");
    }
}

using System.Security.Cryptography;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Bodies in both directions, in both framings, of many sizes: the other side gets the same bytes.</summary>
public sealed class BodyTests
{
    public static TheoryData<int> Sizes => [0, 1, 100, 4_000, 4_096, 16_384, 65_536, 131_072, 262_144, 262_145, 5_000_000];

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_request_body_with_a_length_arrives_whole(int size)
    {
        var body = Noise(size);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(AnswerWithHashAsync));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n");
            await client.SendAsync(body);
            (await client.ReadResponseAsync("POST")).BodyText.Should().Be(Hash(body));
        }

        backend.Requests[0].Headers["content-length"].Should().Be($"{size}");
        backend.Connections.Should().ContainSingle();
        (await proxy.LogAsync(2)).Should().Be($"POST / 200 - via_upstream {size} 64");
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_chunked_request_body_arrives_whole(int size)
    {
        var body = Noise(size);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(AnswerWithHashAsync));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
            await client.SendAsync(Chunked(body, seed: i));
            (await client.ReadResponseAsync("POST")).BodyText.Should().Be(Hash(body));
        }

        backend.Requests[0].Headers["transfer-encoding"].Should().Be("chunked");
        backend.Connections.Should().ContainSingle();
        (await proxy.LogAsync(2)).Should().Be($"POST / 200 - via_upstream {size} 64");
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_response_body_with_a_length_arrives_whole(int size)
    {
        var body = Noise(size);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n");
            await connection.SendAsync(body);
        }));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.Headers["content-length"].Should().Be($"{size}");
            Hash(response.Body).Should().Be(Hash(body));
        }

        backend.Connections.Should().ContainSingle();
        (await proxy.LogAsync(2)).Should().Be($"GET / 200 - via_upstream 0 {size}");
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_chunked_response_body_arrives_whole(int size)
    {
        var body = Noise(size);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            await connection.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            await connection.SendAsync(Chunked(body, seed: request.Ordinal));
        }));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.Framing.Should().Be(BodyFraming.Chunked);
            Hash(response.Body).Should().Be(Hash(body));
        }

        backend.Connections.Should().ContainSingle();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task A_response_body_until_close_becomes_chunked(int size)
    {
        var body = Noise(size);
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\n");
            await connection.SendAsync(body);
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            var response = await client.ReadResponseAsync();
            response.Framing.Should().Be(BodyFraming.Chunked);
            Hash(response.Body).Should().Be(Hash(body));
        }
    }

    [Fact]
    public async Task Bodies_of_both_directions_at_once_arrive_whole()
    {
        var body = Noise(8_000_000);
        var headRead = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            headRead.Set();
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {body.Length}\r\n\r\n");
            var left = body.Length;
            var piece = new byte[100_000];
            while (left > 0)
            {
                var count = await connection.Socket.ReceiveAsync(piece, connection.Stopping);
                await connection.SendAsync(piece.AsMemory(0, count));
                left -= count;
            }
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n");
        await headRead.WaitAsync();

        var sending = client.SendAsync(body);
        var response = await client.ReadResponseAsync("POST");

        await sending;
        Hash(response.Body).Should().Be(Hash(body));
    }

    [Fact]
    public async Task A_slow_reader_holds_the_backend_back_and_memory_stays_bounded()
    {
        var body = Noise(32_000_000);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {body.Length}\r\n\r\n");
            await connection.SendAsync(body);
        }));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 16_384);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await client.ReadHeadAsync();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var most = 0;

        for (var read = 0; read < body.Length; read += 320_000)
        {
            most = Math.Max(most, await proxy.Engine.RentedBlocksAsync());
            hash.AppendData(await client.ReadBytesAsync(320_000));
        }

        Convert.ToHexString(hash.GetHashAndReset()).Should().Be(Hash(body));
        most.Should().BeInRange(2, 40, "beyond 256 KiB no more is read from the backend, and one read gives at most 256 KiB");
    }

    [Fact]
    public async Task A_slow_backend_holds_the_client_back_and_memory_stays_bounded()
    {
        var body = Noise(32_000_000);
        var start = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.After(start, BackendScripts.EachRequest(AnswerWithHashAsync)));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n");

        var sending = client.SendAsync(body);
        await Patience.UntilAsync(async () => await proxy.Engine.RentedBlocksAsync() > 16, "output that waits for the backend");
        start.Set();
        var most = 0;
        while (!sending.IsCompleted)
        {
            most = Math.Max(most, await proxy.Engine.RentedBlocksAsync());
        }

        await sending;
        (await client.ReadResponseAsync("POST")).BodyText.Should().Be(Hash(body));
        most.Should().BeLessThan(41);
    }

    private static Task AnswerWithHashAsync(BackendConnection connection, RawRequest request)
    {
        var text = Hash(request.Body);
        return connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {text.Length}\r\n\r\n{text}");
    }

    private static byte[] Noise(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private static string Hash(byte[] bytes) => Convert.ToHexString(SHA256.HashData(bytes));

    /// <summary>The body in chunks of uneven size, ended by the last chunk.</summary>
    private static byte[] Chunked(byte[] body, int seed)
    {
        var random = new Random(seed);
        using var wire = new MemoryStream();
        for (var start = 0; start < body.Length;)
        {
            var size = Math.Min(body.Length - start, random.Next(1, random.Next(1, 200_000)));
            wire.Write(Encoding.ASCII.GetBytes($"{size:x}\r\n"));
            wire.Write(body, start, size);
            wire.Write("\r\n"u8);
            start += size;
        }

        wire.Write("0\r\n\r\n"u8);
        return wire.ToArray();
    }
}

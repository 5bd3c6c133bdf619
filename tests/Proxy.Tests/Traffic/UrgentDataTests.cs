using System.Net.Sockets;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Backends that send urgent bytes (TCP's URG, which HTTP knows nothing of): the kernel stops reading in front of them.</summary>
public sealed class UrgentDataTests
{
    [Theory]
    [InlineData(10, 10)]
    [InlineData(0, 10)]
    [InlineData(100_000, 10)]
    [InlineData(10, 400_000)]
    [InlineData(400_000, 400_000)]
    public async Task An_urgent_byte_is_a_byte_of_the_body(int before, int behind)
    {
        var body = new string('a', before) + "!" + new string('b', behind);
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {body.Length}\r\n\r\n{body[..before]}");
            await connection.Socket.SendAsync(Encoding.ASCII.GetBytes("!"), SocketFlags.OutOfBand);
            await connection.SendAsync(body[(before + 1)..]);
        }));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            (await client.ReadResponseAsync()).BodyText.Should().Be(body);
        }

        backend.Connections.Should().ContainSingle();
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>Bytes on an unused upstream connection are not the answer to a request that comes at the same moment (RFC 9112 §9.2).</summary>
public sealed class StrayBytesInOneTurnTests
{
    [Fact]
    public async Task A_request_that_arrives_just_before_stray_bytes_does_not_get_them_for_an_answer()
    {
        var (sendStray, straySent) = (new Signal(), new Signal());
        using var clock = new HoldingClock();
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst");
                await sendStray.WaitAsync(connection.Stopping);
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
                straySent.Set();
                await connection.DrainAsync();
            },
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port, static http => http, clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("first");

        clock.Hold();
        await using (await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await clock.Held.WaitAsync();
            await client.SendAsync("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
            sendStray.Set();
            await straySent.WaitAsync();
            clock.LetGo();

            (await client.ReadResponseAsync()).BodyText.Should().Be("good");
            backend.Requests.Select(static request => request.Connection).Should().Equal(1, 2);
        }
    }
}

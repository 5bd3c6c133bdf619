using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>Clients that read or write very slowly, or end their half, while others are served as ever.</summary>
public sealed class SlowPeerTests
{
    private const int LargeBody = 16_000_000;
    private static readonly string Large = string.Create(LargeBody, 0, static (text, _) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = (char)('a' + (i % 23));
        }
    });

    [Fact]
    public async Task Slow_readers_get_their_whole_body_and_hold_up_nobody()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(AnswerAsync));
        await using var proxy = await FaultProxy.StartAsync(backend.Port, routeTimeout: "0s");
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);
        await traffic.WaitForMoreAsync(200);
        var before = proxy.ResidentBytes();
        await using DisposableCollection<RawHttpClient> readers = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => BeginLargeAsync(proxy.HttpPort)))];

        var parts = readers.Select(static _ => new StringBuilder()).ToArray();
        for (var round = 0; round < 10; round++)
        {
            await traffic.WaitForMoreAsync(20);
            await Task.WhenAll(readers.Select(async (reader, i) => parts[i].Append(Encoding.ASCII.GetString(await reader.ReadBytesAsync(1000)))));
        }

        (proxy.ResidentBytes() - before).Should().BeLessThan(readers.Count * LargeBody / 2, "what a slow reader has not taken is left with the backend");
        await Task.WhenAll(readers.Select(async (reader, i) => parts[i].Append(Encoding.ASCII.GetString(await reader.ReadBytesAsync(LargeBody - parts[i].Length)))));
        parts.Should().OnlyContain(part => part.Equals(Large));
        var asked = await traffic.StopAsync();
        asked.Should().OnlyContain(static record => record.IsSuccess && record.Response!.BodyText == record.Expected);
    }

    [Fact]
    public async Task A_slow_writer_is_answered_at_last_and_holds_up_nobody()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(AnswerAsync));
        await using var proxy = await FaultProxy.StartAsync(backend.Port);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);
        await using var writer = await RawHttpClient.ConnectAsync(proxy.HttpPort);
        var body = Encoding.ASCII.GetBytes(Large[..6000]);
        await writer.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\n{SteadyTraffic.IdHeader}: slow\r\ncontent-length: {body.Length}\r\n\r\n");

        for (var sent = 0; sent < body.Length; sent += 300)
        {
            await writer.SendAsync(body.AsMemory(sent, 300));
            await traffic.WaitForMoreAsync(10);
        }

        (await writer.ReadResponseAsync("POST")).BodyText.Should().Be(FaultyBackend.AnswerTo("slow", body));
        (await traffic.StopAsync()).Should().OnlyContain(static record => record.IsSuccess && record.Response!.BodyText == record.Expected);
    }

    [Fact]
    public async Task Clients_that_end_their_half_after_the_request_are_taken_for_gone_and_cost_the_others_nothing()
    {
        var mayAnswer = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            if (request.Target == "/held")
            {
                await mayAnswer.WaitAsync(connection.Stopping);
            }

            await AnswerAsync(connection, request);
        }));
        await using var proxy = await FaultProxy.StartAsync(backend.Port);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);
        for (var i = 0; i < 20; i++)
        {
            await using var half = await RawHttpClient.ConnectAsync(proxy.HttpPort);
            await half.SendAsync($"GET /held HTTP/1.1\r\nhost: a\r\n{SteadyTraffic.IdHeader}: half-{i}\r\n\r\n");
            await Patience.UntilAsync(() => backend.Requests.Count(static request => request.Target == "/held") > i, "the request at the backend");
            half.ShutdownSend();
            await half.WaitForEndAsync();
        }

        mayAnswer.Set();
        await traffic.WaitForMoreAsync(50);

        var asked = await traffic.StopAsync();
        asked.Should().OnlyContain(static record => record.IsSuccess && record.Response!.BodyText == record.Expected);
        var log = await proxy.LogAsync(asked.Count + 20);
        log.Where(static line => line.Key.StartsWith("half-", StringComparison.Ordinal)).Should().HaveCount(20).And.OnlyContain(static line => line.Value == "0 DC");
        backend.Requests.Count(static request => request.Target == "/held").Should().Be(20, "none is sent again");
    }

    private static async Task<RawHttpClient> BeginLargeAsync(int port)
    {
        var reader = await RawHttpClient.ConnectAsync(port, receiveBuffer: 4096);
        await reader.SendAsync($"GET /large HTTP/1.1\r\nhost: a\r\n{SteadyTraffic.IdHeader}: large\r\n\r\n");
        (await reader.ReadHeadAsync()).Status.Should().Be(200);
        return reader;
    }

    private static Task AnswerAsync(BackendConnection connection, RawRequest request) => connection.SendAsync(
        FaultyBackend.ResponseOf(request.Target == "/large" ? Large : FaultyBackend.AnswerTo(request.Headers[SteadyTraffic.IdHeader]!, request.Body)));
}

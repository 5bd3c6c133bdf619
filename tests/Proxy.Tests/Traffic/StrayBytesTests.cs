using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Bytes behind a response belong to nobody: the connection they came on carries no further request.</summary>
public sealed class StrayBytesTests
{
    [Fact]
    public async Task Bytes_that_come_with_a_response_close_its_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("1");
        await client.SendAsync("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");

        (await client.ReadResponseAsync()).BodyText.Should().Be("good");
        backend.Connections.Should().HaveCount(2);
    }

    [Fact]
    public async Task Bytes_on_an_idle_connection_close_it()
    {
        var answered = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadRequestAsync();
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1");
                await answered.WaitAsync(connection.Stopping);
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
                await connection.DrainAsync();
            },
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port);
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("1");

        answered.Set();
        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("good");
    }

    [Fact]
    public async Task A_body_behind_an_answer_that_has_none_closes_the_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.AnswerRaw("HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nevil"),
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(204);
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("good");
    }

    [Fact]
    public async Task A_body_behind_an_answer_to_HEAD_closes_the_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
            BackendScripts.Answer(200, "good")));
        await using var proxy = RunningProxy.To(backend.Port);

        var head = await RawHttpClient.ExchangeAsync(proxy.Port, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", "HEAD");

        head.Headers["content-length"].Should().Be("4");
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("good");
    }
}

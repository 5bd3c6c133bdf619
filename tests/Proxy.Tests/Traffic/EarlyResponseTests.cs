using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Answers that come while the request's body is still on its way.</summary>
public sealed class EarlyResponseTests
{
    [Fact]
    public async Task An_early_answer_reaches_the_client_and_ends_both_connections()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadHeadAsync();
                await connection.SendAsync("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig");
                await connection.DrainAsync();
            },
            BackendScripts.Answer(200, "next")));
        await using var proxy = RunningProxy.To(backend.Port);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nonly a part");

            var response = await client.ReadResponseAsync("POST");

            response.Status.Should().Be(413);
            response.BodyText.Should().Be("big");
            response.Headers["connection"].Should().Be("close");
            (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        }

        await backend.Connections[0].Ended.WaitAsync();
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("next");
    }

    [Fact]
    public async Task An_answer_may_begin_before_the_body_ends_and_both_run_to_their_end()
    {
        var more = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            while (await connection.ReadHeadAsync() is { } head)
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegin\r\n");
                var request = await connection.ReadBodyAsync(head);
                await connection.SendAsync($"{request.Body.Length:x}\r\n{request.BodyText}\r\n0\r\n\r\n");
            }
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n");
            (await client.ReadHeadAsync()).Status.Should().Be(200);
            (await client.ReadBytesAsync(10)).Should().Equal("5\r\nbegin\r\n"u8.ToArray());
            await client.SendAsync("3\r\ntwo\r\n0\r\n\r\n");
            (await client.ReadBytesAsync(16)).Should().Equal("6\r\nonetwo\r\n0\r\n\r\n"u8.ToArray());
        }

        backend.Connections.Should().ContainSingle("both messages ended cleanly");
    }

    [Fact]
    public async Task A_backend_that_answers_and_closes_before_the_body_ends_is_heard()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno");
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");

        var response = await client.ReadResponseAsync("POST");

        response.Status.Should().Be(401);
        response.BodyText.Should().Be("no");
    }

    [Fact]
    public async Task A_backend_that_dies_during_the_upload_is_answered_503()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            connection.Reset();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\npart");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(503);
        (await proxy.LogAsync()).Should().StartWith("POST / 503 UC ");
    }
}

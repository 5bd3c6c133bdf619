using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Clients that go away: what was begun for them ends upstream too, and nothing stays behind.</summary>
public sealed class LeavingClientTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_leaves_while_it_waits_ends_the_upstream_request(bool reset)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);

        Leave(client, reset);

        await backend.Connections[0].Ended.WaitAsync();
        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC downstream_remote_disconnect ");
        proxy.Stat("cluster.backend.upstream_rq_cancelled").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_active").Should().Be(0);
        proxy.Stat("http.test.downstream_rq_active").Should().Be(0);
    }

    [Theory]
    [InlineData(false, "content-length: 100\r\n\r\npart")]
    [InlineData(true, "content-length: 100\r\n\r\npart")]
    [InlineData(false, "transfer-encoding: chunked\r\n\r\n5\r\npart")]
    [InlineData(true, "transfer-encoding: chunked\r\n\r\n5\r\npart")]
    public async Task A_client_that_leaves_inside_its_body_never_completes_a_request(bool reset, string rest)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\n" + rest);
        var connection = await backend.WaitForConnectionAsync(1);

        Leave(client, reset);

        await connection.Ended.WaitAsync();
        backend.Requests.Should().BeEmpty();
        (await proxy.LogAsync()).Should().StartWith("POST / 0 DC ");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_leaves_inside_an_answer_ends_it_upstream(bool reset)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
            var piece = new byte[64 * 1024];
            while (true)
            {
                await connection.SendAsync(piece);
            }
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await client.ReadBytesAsync(1000);

        Leave(client, reset);

        await backend.Connections[0].Ended.WaitAsync();
        (await proxy.LogAsync()).Should().StartWith("GET / 200 DC ");
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HT")]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n")]
    public async Task A_client_that_leaves_before_its_head_ends_leaves_nothing(string part)
    {
        await using var proxy = RunningProxy.To();
        foreach (var reset in new[] { false, true })
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync(part);
            Leave(client, reset);
        }

        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_cx_total") == 2, "both connections");
    }

    [Fact]
    public async Task A_half_closed_client_with_requests_still_unread_gets_their_answers()
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            await go.WaitAsync(connection.Stopping);
            await connection.SendAsync($"HTTP/1.1 200 OK\r\ncontent-length: {request.Target.Length}\r\n\r\n{request.Target}");
        }));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);
        await client.SendAsync("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
        client.ShutdownSend();

        // A FIN that is noticed behind the last request says that the client has gone: the worker that answers has noticed it before.
        await proxy.Engine.RentedBlocksAsync();
        go.Set();

        (await client.ReadResponseAsync()).BodyText.Should().Be("/1");
        (await client.ReadResponseAsync()).BodyText.Should().Be("/2");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_reset_behind_a_pipelined_request_ends_the_running_one()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
        await backend.WaitForRequestsAsync(1);
        await client.SendAsync("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");

        client.Reset();

        await backend.Connections[0].Ended.WaitAsync();
        (await proxy.LogAsync()).Should().StartWith("GET /1 0 DC ");
    }

    private static void Leave(RawHttpClient client, bool reset)
    {
        if (reset)
        {
            client.Reset();
        }
        else
        {
            client.Socket.Close();
        }
    }
}

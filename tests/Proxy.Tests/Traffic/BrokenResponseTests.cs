using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Backends that end their connection before the answer is whole. The client must never take a part for the whole.</summary>
public sealed class BrokenResponseTests
{
    private const string Termination = "503 UC upstream_reset_before_response_started{connection_termination}";

    public static TheoryData<string> Silent => ["close on accept", "reset on accept", "close without answer", "reset without answer", "close inside the head"];

    [Theory]
    [MemberData(nameof(Silent))]
    public async Task A_backend_that_gives_no_whole_head_is_answered_503_UC(string how)
    {
        await using var backend = ScriptedBackend.Start(how switch
        {
            "close on accept" => BackendScripts.CloseOnAccept(),
            "reset on accept" => BackendScripts.ResetOnAccept(),
            "close without answer" => BackendScripts.CloseWithoutAnswer(),
            "reset without answer" => BackendScripts.ResetWithoutAnswer(),
            _ => BackendScripts.CloseMidHead(),
        });
        await using var proxy = RunningProxy.To(backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        (await proxy.LogAsync()).Should().Match(how == "reset on accept" ? "GET / 503 U? *" : $"GET / {Termination} *");
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task A_body_cut_short_of_its_length_reaches_the_client_cut_short()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidBody(100, 10));
        await using var proxy = RunningProxy.To(backend.Port);

        var ask = () => RawHttpClient.GetAsync(proxy.Port);

        var fault = (await ask.Should().ThrowAsync<RawFramingException>()).Which;
        fault.Fault.Should().Be(FramingFault.Truncated);
        fault.Partial!.Body.Should().HaveCountLessThanOrEqualTo(10);
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UC upstream_reset_after_response_started{connection_termination} ");
    }

    [Fact]
    public async Task A_chunked_body_without_its_last_chunk_reaches_the_client_without_it()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidChunks());
        await using var proxy = RunningProxy.To(backend.Port);

        var ask = () => RawHttpClient.GetAsync(proxy.Port);

        (await ask.Should().ThrowAsync<RawFramingException>()).Which.Fault.Should().Be(FramingFault.Truncated);
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UC upstream_reset_after_response_started{connection_termination} ");
    }

    [Fact]
    public async Task A_body_until_close_that_is_reset_is_not_taken_for_whole()
    {
        var seen = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\npart");
            await seen.WaitAsync(connection.Stopping);
            connection.Reset();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadHeadAsync()).Headers["transfer-encoding"].Should().Be("chunked");
        (await client.ReadBytesAsync(9)).Should().Equal("4\r\npart\r\n"u8.ToArray());

        seen.Set();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly, "the last chunk is missing, which is what tells the client");
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UC upstream_reset_after_response_started{connection_termination} ");
    }

    [Fact]
    public async Task A_reset_under_a_congested_upload_is_not_taken_for_the_end_of_a_body_until_close()
    {
        var seen = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\npart");
            await seen.WaitAsync(connection.Stopping);
            connection.Reset();
        });
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n");
        await client.ReadHeadAsync();
        await client.ReadBytesAsync(9);
        using var upload = new CancellationTokenSource();
        var sending = SendUntilRefusedAsync(client, upload.Token);
        await Patience.UntilAsync(async () => await proxy.Engine.RentedBlocksAsync() > 16, "output that waits for the backend");

        seen.Set();

        (await client.WaitForEndAsync()).Should().BeOneOf(ConnectionEnd.Orderly, ConnectionEnd.Reset);
        await upload.CancelAsync();
        await sending;
        (await proxy.LogAsync()).Should().StartWith("POST / 200 UC ");
    }

    [Fact]
    public async Task A_backend_that_never_answers_is_answered_504_UT_after_the_route_timeout()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", forward => forward with { Timeout = TimeSpan.FromMilliseconds(50) }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(504);
        response.BodyText.Should().Be("upstream request timeout");
        (await proxy.LogAsync()).Should().StartWith("GET / 504 UT upstream_response_timeout ");
        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();
        proxy.Stat("cluster.backend.upstream_rq_timeout").Should().Be(1);
    }

    [Fact]
    public async Task The_route_timeout_cuts_an_answer_that_never_ends()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf ");
            await Task.Delay(Timeout.Infinite, connection.Stopping);
        });
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", forward => forward with { Timeout = TimeSpan.FromMilliseconds(100) }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var ask = () => RawHttpClient.GetAsync(proxy.Port);

        (await ask.Should().ThrowAsync<RawFramingException>()).Which.Fault.Should().Be(FramingFault.Truncated);
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UT upstream_response_timeout ");
    }

    private static async Task SendUntilRefusedAsync(RawHttpClient client, CancellationToken cancel)
    {
        var piece = new byte[64 * 1024];
        try
        {
            while (true)
            {
                await client.Socket.SendAsync(piece, cancel);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or System.Net.Sockets.SocketException)
        {
            // The proxy has closed the connection.
        }
    }
}

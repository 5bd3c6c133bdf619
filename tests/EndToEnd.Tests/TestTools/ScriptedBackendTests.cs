using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.TestTools;

/// <summary>The tools that judge the proxy are judged first, against each other.</summary>
public sealed class ScriptedBackendTests
{
    [Fact]
    public async Task A_request_sent_byte_by_byte_is_echoed_whole()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo(), "a");
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendByteByByteAsync("POST /x?y=1 HTTP/1.1\r\nHost: h\r\ncontent-length: 5\r\n\r\nhello");
        var echo = EchoedRequest.From(await client.ReadResponseAsync());

        echo.Should().BeEquivalentTo(new { Backend = "a", Method = "POST", Target = "/x?y=1", Body = "hello", Connection = 1, Ordinal = 1 });
        echo.Headers[0].Should().Be(new RawHeader("Host", "h"));
        backend.Requests.Should().ContainSingle().Which.HeadText.Should().StartWith("POST /x?y=1 HTTP/1.1\r\nHost: h\r\n");
    }

    [Fact]
    public async Task Pipelined_requests_with_chunks_and_trailers_keep_their_order()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendSplitAsync(
            "POST /1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: v\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", 20, 53, 60);

        EchoedRequest.From(await client.ReadResponseAsync()).Body.Should().Be("abc");
        EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be("/2");
        backend.Requests[0].Trailers["x-t"].Should().Be("v");
    }

    [Fact]
    public async Task Interim_responses_are_told_apart_from_the_final_one()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Continue());
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(100);
        await client.SendAsync("ok");

        EchoedRequest.From(await client.ReadResponseAsync()).Body.Should().Be("ok");
    }

    [Fact]
    public async Task A_chunked_answer_with_trailers_is_read_strictly()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["ab", "cde"], new RawHeader("x-sum", "5")));

        var response = await RawHttpClient.GetAsync(backend.Port);

        response.BodyText.Should().Be("abcde");
        response.Framing.Should().Be(BodyFraming.Chunked);
        response.Trailers["x-sum"].Should().Be("5");
    }

    [Fact]
    public async Task Half_a_head_and_half_a_body_are_truncated_messages()
    {
        await using var backend = ScriptedBackend.Start(
            BackendScripts.InTurn(BackendScripts.CloseMidHead(), BackendScripts.CloseMidBody(100, 10), BackendScripts.CloseMidChunks()));

        (await FaultOfAsync(backend.Port)).Should().BeEquivalentTo(new { Fault = FramingFault.Truncated, Partial = (RawResponse?)null });
        (await FaultOfAsync(backend.Port)).Partial!.BodyText.Should().Be("xxxxxxxxxx");
        (await FaultOfAsync(backend.Port)).Partial!.BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task No_answer_and_a_reset_are_told_apart()
    {
        await using var backend = ScriptedBackend.Start(
            BackendScripts.InTurn(BackendScripts.CloseWithoutAnswer(), BackendScripts.ResetWithoutAnswer()));

        (await FaultOfAsync(backend.Port)).Fault.Should().Be(FramingFault.NoMessage);
        (await FaultOfAsync(backend.Port)).Fault.Should().Be(FramingFault.Reset);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\nx: y\n\n")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nbad name: y\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n")]
    public async Task A_malformed_answer_is_never_repaired(string answer)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(answer));

        (await FaultOfAsync(backend.Port)).Fault.Should().Be(FramingFault.Malformed);
    }

    [Fact]
    public async Task A_malformed_request_fails_the_backend_that_read_it()
    {
        var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendAsync("GET / HTTP/1.1\nhost: x\n\n");
        (await client.WaitForEndAsync()).Should().BeOneOf(ConnectionEnd.Orderly, ConnectionEnd.Reset);

        var dispose = async () => await backend.DisposeAsync();
        (await dispose.Should().ThrowAsync<AggregateException>()).WithInnerException<RawFramingException>();
    }

    [Fact]
    public async Task An_answer_waits_for_its_signal()
    {
        var signal = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(signal, 200, "late"));
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendAsync("GET / HTTP/1.1\r\n\r\n");
        var response = client.ReadResponseAsync();
        await backend.WaitForRequestsAsync(1);
        response.IsCompleted.Should().BeFalse();
        signal.Set();

        (await response).BodyText.Should().Be("late");
    }

    [Fact]
    public async Task A_kept_connection_ends_after_its_count()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.KeepAliveFor(2, announced: true));
        await using var client = await RawHttpClient.ConnectAsync(backend.Port);

        await client.SendAsync("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");

        (await client.ReadResponseAsync()).Headers.Contains("connection").Should().BeFalse();
        (await client.ReadResponseAsync()).Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_dead_port_refuses_or_stays_silent()
    {
        using var refusing = DeadPort.Refusing();
        using var silent = await DeadPort.SilentAsync();

        var refused = () => RawHttpClient.ConnectAsync(refusing.Port);
        await refused.Should().ThrowAsync<System.Net.Sockets.SocketException>();
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { Blocking = false };
        var pending = () => socket.Connect(System.Net.IPAddress.Loopback, silent.Port);
        pending.Should().Throw<System.Net.Sockets.SocketException>().Which.SocketErrorCode.Should().Be(System.Net.Sockets.SocketError.WouldBlock);
        socket.Poll(TimeSpan.Zero, System.Net.Sockets.SelectMode.SelectWrite).Should().BeFalse();
    }

    private static async Task<RawFramingException> FaultOfAsync(int port) =>
        await Assert.ThrowsAsync<RawFramingException>(() => RawHttpClient.GetAsync(port));
}

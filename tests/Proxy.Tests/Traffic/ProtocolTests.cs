using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Corners of HTTP/1 semantics: answers without body, interim answers, versions, the end of connections.</summary>
public sealed class ProtocolTests
{
    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n", "1234")]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", null)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", "99")]
    [InlineData("GET", "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "0")]
    [InlineData("GET", "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", "0")]
    [InlineData("GET", "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", "0")]
    public async Task An_answer_without_a_body_keeps_both_connections(string method, string answer, string? length)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(answer));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nhost: a\r\n\r\n");
            var response = await client.ReadResponseAsync(method);
            response.Headers["content-length"].Should().Be(length);
            response.Headers.Contains("transfer-encoding").Should().BeFalse();
            response.Body.Should().BeEmpty();
        }

        backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task An_answer_that_comes_byte_by_byte_arrives_whole()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.Slowly("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\nt: v\r\n\r\n")));
        await using var proxy = RunningProxy.To(backend.Port);

        for (var i = 0; i < 2; i++)
        {
            var response = await RawHttpClient.GetAsync(proxy.Port);
            response.BodyText.Should().Be("abc");
            response.Headers["x"].Should().Be("y");
            response.Interim.Should().ContainSingle().Which.Headers["link"].Should().Be("x");
        }

        backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task Interim_answers_are_passed_on_but_100_which_was_answered_here()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
        await using var proxy = RunningProxy.To(backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.BodyText.Should().Be("ok");
        var hints = response.Interim.Should().ContainSingle().Which;
        hints.Status.Should().Be(103);
        hints.Headers["link"].Should().Be("</a>");
        hints.Headers.Contains("x-hop").Should().BeFalse();
        (await proxy.LogAsync()).Should().StartWith("GET / 200 - ");
    }

    [Fact]
    public async Task An_expectation_is_answered_here_and_not_sent_on()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ncontent-length: 4\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(100);

        await client.SendAsync("body");

        var echoed = EchoedRequest.From(await client.ReadResponseAsync("POST"));
        echoed.Body.Should().Be("body");
        echoed.Headers.Contains("expect").Should().BeFalse();
    }

    [Fact]
    public async Task A_body_that_came_with_its_expectation_needs_no_100()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Continue());
        await using var proxy = RunningProxy.To(backend.Port);

        var response = await RawHttpClient.ExchangeAsync(
            proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody", "POST");

        response.Interim.Should().BeEmpty();
        EchoedRequest.From(response).Body.Should().Be("body");
    }

    [Theory]
    [InlineData("GET / HTTP/1.0\r\nhost: a\r\n\r\n", true)]
    [InlineData("GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n", false)]
    public async Task HTTP_1_0_is_served_where_configured(string request, bool closes)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { AcceptHttp10 = true });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(request);

        var response = await client.ReadResponseAsync();
        EchoedRequest.From(response).Version.Should().Be("HTTP/1.1");
        response.Headers["connection"].Should().Be(closes ? "close" : "keep-alive");
        if (closes)
        {
            (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        }
        else
        {
            await client.SendAsync(request);
            (await client.ReadResponseAsync()).Status.Should().Be(200);
        }
    }

    [Fact]
    public async Task A_chunked_answer_to_HTTP_1_0_ends_with_the_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["one", "two"]));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { AcceptHttp10 = true });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n");

        response.Framing.Should().Be(BodyFraming.UntilClose);
        response.BodyText.Should().Be("onetwo");
        response.Headers["connection"].Should().Be("close");
    }

    [Fact]
    public async Task A_cut_answer_to_HTTP_1_0_is_a_reset_since_nothing_else_tells()
    {
        var seen = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n");
            await seen.WaitAsync(connection.Stopping);
        });
        await using var proxy = RunningProxy.To(backend.Port, http => http with { AcceptHttp10 = true });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
        await client.ReadHeadAsync();
        await client.ReadBytesAsync(3);

        seen.Set();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Reset);
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("default.example", 200)]
    public async Task HTTP_1_0_without_host_takes_the_default(string defaultHost, int status)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, http => http with { AcceptHttp10 = true, DefaultHostForHttp10 = defaultHost });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.0\r\n\r\n");

        response.Status.Should().Be(status);
        if (status == 200)
        {
            EchoedRequest.From(response).Headers["host"].Should().Be(defaultHost);
        }
    }

    [Fact]
    public async Task A_client_that_asks_for_it_gets_its_connection_closed()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

        var response = await client.ReadResponseAsync();
        response.Headers["connection"].Should().Be("close");
        EchoedRequest.From(response).Headers.Contains("connection").Should().BeFalse();
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_limit_of_requests_ends_the_clients_connection()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { MaxRequestsPerConnection = 2 });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n");

        (await client.ReadResponseAsync()).Headers.Contains("connection").Should().BeFalse();
        (await client.ReadResponseAsync()).Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Fields behind chunked bodies of HTTP/1.1 go through where <c>enable_trailers</c> is set on the side that carries them, and nowhere else.</summary>
public sealed class TrailerTests
{
    private const string Request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 5 \r\nx-empty:\r\n\r\n";

    private static readonly RetryPolicy Quick = new() { RetryOn = RetryOn.ServerError, BackOffBase = TimeSpan.FromMilliseconds(1) };

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task They_go_both_ways_where_both_sides_carry_them(bool downstream, bool upstream)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"], new RawHeader("X-Count", "2"), new RawHeader("x-count", "3")));
        await using var proxy = Start(backend.Port, downstream, upstream);

        for (var i = 0; i < 2; i++)
        {
            var response = await RawHttpClient.ExchangeAsync(proxy.Port, Request, "POST");

            response.BodyText.Should().Be("hi");
            response.Trailers.Should().Equal(downstream && upstream ? [new RawHeader("x-count", "2"), new("x-count", "3")] : []);
            response.Headers.Contains("x-count").Should().BeFalse();
            backend.Requests[i].BodyText.Should().Be("hello");
            backend.Requests[i].Trailers.Should().Equal(downstream && upstream ? [new RawHeader("x-sum", "5"), new("x-empty", "")] : []);
            backend.Requests[i].Headers.Contains("x-sum").Should().BeFalse();
        }
    }

    [Fact]
    public async Task They_may_come_in_any_pieces_and_the_connection_goes_on()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"], new RawHeader("x-count", "2")));
        await using var proxy = Start(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendByteByByteAsync(Request);
        (await client.ReadResponseAsync("POST")).Trailers["x-count"].Should().Be("2");
        await client.SendAsync(Request + "GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync("POST")).Trailers["x-count"].Should().Be("2");
        (await client.ReadResponseAsync()).BodyText.Should().Be("hi");

        backend.Requests.Select(static request => request.Trailers["x-sum"]).Should().Equal("5", "5", null);
    }

    [Theory]
    [InlineData("content-length", "50")]
    [InlineData("Transfer-Encoding", "chunked")]
    [InlineData("host", "b")]
    [InlineData("authorization", "Basic eA==")]
    [InlineData("Set-Cookie", "a=b")]
    [InlineData("content-type", "text/html")]
    [InlineData("content-encoding", "gzip")]
    [InlineData("cache-control", "public")]
    [InlineData("x-forwarded-for", "10.0.0.1")]
    [InlineData("x-envoy-internal", "true")]
    [InlineData("connection", "x-kept")]
    public async Task What_means_something_in_a_head_alone_is_left_out(string name, string value)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"], new RawHeader(name, value), new RawHeader("x-kept", "1")));
        await using var proxy = Start(backend.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Request.Replace("x-empty:", $"{name}: {value}", StringComparison.Ordinal), "POST");

        response.Trailers.Should().Equal(new RawHeader("x-kept", "1"));
        backend.Requests.Single().Trailers.Should().Equal(new RawHeader("x-sum", "5"));
    }

    [Fact]
    public async Task They_count_towards_the_most_fields_that_are_accepted()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"]));
        await using var proxy = Start(backend.Port);
        static string With(int count) => Request.Replace("x-empty:", string.Join("\r\n", Enumerable.Range(0, count).Select(static i => $"t{i}: v")), StringComparison.Ordinal);

        (await RawHttpClient.ExchangeAsync(proxy.Port, With(99), "POST")).Status.Should().Be(200);
        (await RawHttpClient.ExchangeAsync(proxy.Port, With(100), "POST")).Status.Should().Be(400);
        (await RawHttpClient.ExchangeAsync(proxy.Port, Request.Replace("x-empty:", $"x-long: {new string('v', 17_000)}", StringComparison.Ordinal), "POST")).Status.Should().Be(400);

        backend.Requests.Single().Trailers.Should().HaveCount(100);
    }

    [Fact]
    public async Task A_client_of_http_1_0_and_a_body_with_a_length_have_none()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"], new RawHeader("x-count", "2")));
        await using var proxy = Start(backend.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.0\r\nhost: a\r\n\r\n");

        response.BodyText.Should().Be("hi");
        response.Framing.Should().Be(BodyFraming.UntilClose);
    }

    [Fact]
    public async Task A_request_that_is_sent_again_has_them_again()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.CloseWithoutAnswer(), BackendScripts.Chunked(["hi"])));
        await using var proxy = Start(backend.Port, retries: true);

        (await RawHttpClient.ExchangeAsync(proxy.Port, Request, "POST")).Status.Should().Be(200);
        backend.Requests.Should().HaveCount(2).And.AllSatisfy(static request => request.Trailers["x-sum"].Should().Be("5"));

        await using var slow = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.CloseWithoutAnswer(), BackendScripts.Chunked(["hi"])));
        await using var other = Start(slow.Port, retries: true);
        await using var client = await RawHttpClient.ConnectAsync(other.Port);
        await client.SendSplitAsync(Request, Request.IndexOf("hello", StringComparison.Ordinal), Request.Length - 4);
        (await client.ReadResponseAsync("POST")).Status.Should().Be(200);
        slow.Requests[1].BodyText.Should().Be("hello");
        slow.Requests[1].Trailers["x-sum"].Should().Be("5");
    }

    [Fact]
    public async Task From_http_1_to_http_2_and_back()
    {
        await using var traffic = Http2Upstream.Start(
            Http2Scripts.EchoBody(new RawHeader("x-count", "2")), http: static http => Http(http, enables: true));

        var response = await RawHttpClient.ExchangeAsync(traffic.Proxy.Port, Request, "POST");

        response.BodyText.Should().Be("hello");
        response.Trailers.Should().Equal(new RawHeader("x-count", "2"));
        var request = traffic.Backend.Requests.Single();
        request.BodyText.Should().Be("hello");
        request.Trailers.Should().Equal(new RawHeader("x-sum", "5"), new RawHeader("x-empty", ""));
    }

    [Fact]
    public async Task From_http_2_to_http_1_and_back()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Chunked(["hi"], new RawHeader("X-Count", "2")));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { EnablesTrailers = true } }], static http => http with { Codec = HttpCodec.Http2 });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        // Once with a body, and once with nothing between the head and the trailers.
        foreach (var body in new[] { "hello", "" })
        {
            var id = await client.OpenAsync(Http2Fields.Post("/"), endStream: false);
            if (body.Length > 0)
            {
                await client.SendBodyAsync(id, Encoding.ASCII.GetBytes(body), endStream: false);
            }

            await client.SendAsync(Http2Frames.Headers(id, [new("x-sum", "5"), new("cookie", "a=b")], endStream: true));
            var response = await client.ReadResponseAsync(id);

            response.BodyText.Should().Be("hi");
            response.Trailers.Should().Equal(new RawHeader("x-count", "2"));
            backend.Requests[^1].BodyText.Should().Be(body);
            backend.Requests[^1].Trailers.Should().Equal(new RawHeader("x-sum", "5"));
        }
    }

    private static RunningProxy Start(int port, bool downstream = true, bool upstream = true, bool retries = false)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        return RunningProxy.Start(
            RunningProxy.Everything("backend", action => retries ? action with { RetryPolicy = Quick } : action),
            [cluster with { Config = cluster.Config with { EnablesTrailers = upstream } }],
            http => Http(http, downstream));
    }

    private static HttpConnectionManagerConfig Http(HttpConnectionManagerConfig http, bool enables) => http with { EnablesTrailers = enables, AcceptHttp10 = true };
}

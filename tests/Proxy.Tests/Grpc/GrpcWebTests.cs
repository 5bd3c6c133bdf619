using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.Grpc;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Calls of browsers (gRPC, PROTOCOL-WEB; Envoy documentation, "gRPC-Web").</summary>
public sealed class GrpcWebTests
{
    private const string Message = "\0\0\0\0\u0004abcd";

    private static readonly string Text = Base64(Message);

    [Fact]
    public async Task A_call_goes_upstream_as_one_of_grpc_and_its_status_comes_back()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(5, new RawHeader("grpc-message", "none")));
        await using var proxy = Start(backend.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web+proto", body: Message));

        var request = backend.Requests[0];
        request.Headers["content-type"].Should().Be("application/grpc");
        request.Headers["te"].Should().Be("trailers");
        request.Headers["grpc-accept-encoding"].Should().Be("identity");
        request.Headers.Contains("content-length").Should().BeFalse();
        request.BodyText.Should().Be(Message);
        response.Status.Should().Be(200);
        response.Headers["content-type"].Should().Be("application/grpc-web+proto");
        response.Headers["grpc-status"].Should().Be("5");
        response.Headers["grpc-message"].Should().Be("none");
        response.BodyText.Should().BeEmpty();
        proxy.Stat("cluster.backend.grpc-web.shop.Cart.Add.5").Should().Be(1);
        proxy.Stat("cluster.backend.grpc-web.shop.Cart.Add.failure").Should().Be(1);
    }

    [Fact]
    public async Task Base64_is_decoded_and_where_it_is_accepted_the_answer_is_base64()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, Message + Message, new RawHeader("content-type", "application/grpc")));
        await using var proxy = Start(backend.Port);

        var binary = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web-text", body: Text + Text));
        var text = await RawHttpClient.ExchangeAsync(
            proxy.Port, GrpcTraffic.Request("accept: application/grpc-web-text\r\n", type: "application/grpc-web-text+proto", body: Text));

        backend.Requests[0].BodyText.Should().Be(Message + Message);
        binary.Headers["content-type"].Should().Be("application/grpc-web+proto");
        binary.BodyText.Should().Be(Message + Message);
        backend.Requests[1].BodyText.Should().Be(Message);
        text.Headers["content-type"].Should().Be("application/grpc-web-text+proto");
        text.BodyText.Should().Be(Text + Text);
    }

    [Fact]
    public async Task A_body_may_come_byte_by_byte()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(0));
        await using var proxy = Start(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST /s/m HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/grpc-web-text\r\ntransfer-encoding: chunked\r\n\r\n");
        foreach (var character in Text)
        {
            await client.SendAsync($"1\r\n{character}\r\n");
        }

        await client.SendAsync("0\r\n\r\n");

        (await client.ReadResponseAsync()).Headers["grpc-status"].Should().Be("0");
        backend.Requests[0].BodyText.Should().Be(Message);
    }

    [Theory]
    [InlineData("AAA")]
    [InlineData("A*AA")]
    public async Task What_is_no_base64_is_refused(string body)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(backend.Port);
        await using var late = await RawHttpClient.ConnectAsync(proxy.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web-text", body: body));
        await late.SendAsync("POST /s/m HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/grpc-web-text\r\ntransfer-encoding: chunked\r\n\r\n");
        await late.SendAsync($"{body.Length}\r\n{body}\r\n0\r\n\r\n");
        var behind = await late.ReadResponseAsync();

        foreach (var refused in (RawResponse[])[response, behind])
        {
            refused.Status.Should().Be(400);
            refused.Headers["content-type"].Should().Be("application/grpc-web+proto");
            refused.Headers["grpc-status"].Should().Be("13");
            refused.Headers["grpc-message"].Should().Be("Bad gRPC-web request, invalid base64 data.");
            refused.BodyText.Should().BeEmpty();
        }

        (await proxy.LogAsync(2)).Should().Contain(" 400 - grpc_base_64_decode_failed ");
    }

    [Fact]
    public async Task An_answer_that_is_no_grpc_is_told_in_headers()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            BackendScripts.Answer(500, new string('x', GrpcWebCall.MaxMessage + 5), new RawHeader("content-type", "text/html"), new RawHeader("x-kept", "1"), new RawHeader("connection", "close")),
            BackendScripts.Answer(404)));
        await using var proxy = Start(backend.Port);

        var told = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web"));
        var bare = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web"));

        told.Status.Should().Be(500);
        told.Headers["content-type"].Should().Be("application/grpc-web+proto");
        told.Headers["grpc-status"].Should().Be("2");
        told.Headers["grpc-message"].Should().Be(new string('x', GrpcWebCall.MaxMessage));
        told.Headers["x-kept"].Should().Be("1");
        told.BodyText.Should().BeEmpty();
        (await proxy.LogAsync()).Should().Contain(" 500 - via_upstream ");
        bare.Status.Should().Be(404);
        bare.Headers.Contains("grpc-status").Should().BeFalse("as in Envoy, what has no body is passed on");
    }

    [Fact]
    public async Task What_the_proxy_answers_itself_has_a_status_in_its_head()
    {
        await using var proxy = Start();

        var response = await GrpcTraffic.CallAsync(proxy.Port, type: "application/grpc-web+proto");

        response.Status.Should().Be(503);
        response.Headers["content-type"].Should().Be("application/grpc-web+proto");
        response.Headers["grpc-status"].Should().Be("14");
        response.Headers["grpc-message"].Should().Be("no healthy upstream");
    }

    [Fact]
    public async Task A_call_that_is_sent_again_is_sent_decoded()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Statuses(14, 0));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with
            {
                RetryPolicy = new RetryPolicy { RetryOn = RetryOn.GrpcUnavailable, BackOffBase = TimeSpan.FromMilliseconds(1) },
            }),
            [RunningProxy.Cluster("backend", backend.Port)],
            static http => http with { Filters = [new GrpcWebConfig("web"), new BufferFilterConfig("buffer", 100), new GrpcStatsConfig("stats")] });

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: "application/grpc-web-text", body: Text));

        response.Headers["grpc-status"].Should().Be("0");
        backend.Requests.Select(static request => request.BodyText).Should().Equal(Message, Message);
        proxy.Stat("cluster.backend.grpc.request_message_count").Should().Be(1, "the filter sees a request once");
        proxy.Stat("cluster.backend.grpc.0").Should().Be(1);
        proxy.Stat("cluster.backend.grpc.14").Should().Be(0);
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc-web+json")]
    [InlineData("text/plain")]
    public async Task Other_requests_pass_as_they_are(string type)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "body", new RawHeader("content-type", "text/plain")));
        await using var proxy = Start(backend.Port);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, GrpcTraffic.Request(type: type, body: "body"));

        backend.Requests[0].Headers["content-type"].Should().Be(type);
        backend.Requests[0].Headers["content-length"].Should().Be("4");
        response.Headers["content-type"].Should().Be("text/plain");
        response.BodyText.Should().Be("body");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trailers_are_the_last_message_whatever_pieces_the_others_come_in(bool isText)
    {
        var lines = "grpc-status:0\r\ngrpc-message:fine\r\n";
        var frame = $"\u0080\0\0\0{(char)lines.Length}{lines}";
        var expected = isText ? Text + Text + Base64(frame) : Message + Message + frame;
        var body = Encoding.Latin1.GetBytes(Message + Message);
        for (var size = 1; size <= body.Length; size++)
        {
            var call = new GrpcWebCall();
            call.Begin(isTextRequest: false, isTextResponse: isText);
            var sent = new List<byte>();
            foreach (var piece in body.Chunk(size))
            {
                sent.AddRange(call.Encode(piece, trailers: null));
            }

            sent.AddRange(call.Encode(default, Trailers()));
            Encoding.Latin1.GetString(sent.ToArray()).Should().Be(expected, "in pieces of {0}", size);
        }
    }

    private static TrailerHead Trailers()
    {
        var trailers = new TrailerHead();
        trailers.AddOwnField("grpc-status"u8, KnownHeader.GrpcStatus, "0"u8);
        trailers.AddOwnField("grpc-message"u8, KnownHeader.Other, "fine"u8);
        return trailers;
    }

    private static string Base64(string bytes) => Convert.ToBase64String(Encoding.Latin1.GetBytes(bytes));

    private static RunningProxy Start(params int[] ports) => RunningProxy.Start(
        RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", ports)], static http => http with { Filters = [new GrpcWebConfig("web")] });
}

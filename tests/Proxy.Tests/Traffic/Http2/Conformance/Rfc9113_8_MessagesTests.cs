using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 section 8: what a message is made of, and how it goes on in HTTP/1.1.</summary>
public sealed class Rfc9113_8_MessagesTests
{
    [Fact]
    public async Task Rfc9113_8_1_a_request_goes_on_in_HTTP_1_1_and_its_response_comes_back()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(201, "made", new RawHeader("X-Mixed-Case", "Kept"), new("connection", "x-hop"), new("x-hop", "1"), new("keep-alive", "5")));

        var response = await front.Client.ExchangeAsync(Http2Fields.Request("PUT", "/a?b=c", "example.com:8080", more: [new("x-a", "1"), new("x-a", "2")]), "body"u8.ToArray());

        response.Status.Should().Be(201);
        response.BodyText.Should().Be("made");
        response.Fields["x-mixed-case"].Should().Be("Kept");
        response.Fields.Select(static f => f.Name).Should().NotContain(["connection", "x-hop", "keep-alive", "transfer-encoding"], "section 8.2.2");
        var request = front.Backend.Requests.Should().ContainSingle().Subject;
        (request.Method, request.Target, request.Version, request.BodyText).Should().Be(("PUT", "/a?b=c", "HTTP/1.1", "body"));
        request.Headers["host"].Should().Be("example.com:8080");
        request.Headers.All("x-a").Should().Equal("1", "2");
        request.Headers.Select(static f => f.Name).Should().NotContain(static name => name.StartsWith(':'));
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    public async Task Rfc9113_8_1_1_responses_without_content_may_have_a_length(int status)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerRaw($"HTTP/1.1 {status} x\r\n{(status == 304 ? "content-length: 100\r\n" : "")}\r\n"));

        var response = await front.Client.GetAsync();

        response.Status.Should().Be(status);
        response.Body.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_8_1_1_an_answer_to_HEAD_has_a_length_and_no_body()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "hello"));

        var response = await front.Client.ReadResponseAsync(await front.Client.OpenAsync(Http2Fields.Request("HEAD")), isHead: true);

        response.Fields["content-length"].Should().Be("5");
        response.Body.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_8_1_interim_responses_come_before_the_final_one()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerRaw("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));

        var response = await front.Client.GetAsync();

        response.BodyText.Should().Be("ok");
        response.Interim.Should().ContainSingle().Which["link"].Should().Be("</a>");
    }

    [Fact]
    public async Task Rfc9113_8_1_100_continue_is_sent_to_who_asks_for_it()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(more: [new("expect", "100-continue")]), endStream: false);

        (await front.Client.ExpectAsync(Http2FrameType.Headers, id)).Fields[":status"].Should().Be("100");
        await front.Client.SendBodyAsync(id, "abc"u8.ToArray());

        EchoedRequest.FromJson((await front.Client.ReadResponseAsync(id)).BodyText).Body.Should().Be("abc");
    }

    [Fact]
    public async Task Rfc9113_8_1_trailers_go_both_ways()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Chunked(["ab", "c"], new RawHeader("X-Sum", "3")));
        var id = await front.Client.OpenAsync(Http2Fields.Post(more: [new("te", "trailers")]), endStream: false);
        await front.Client.SendAsync(Http2Frames.Data(id, "abc"), Http2Frames.Headers(id, [new("x-check", "1")], endStream: true));

        var response = await front.Client.ReadResponseAsync(id);

        response.BodyText.Should().Be("abc");
        response.Trailers["x-sum"].Should().Be("3");
        var request = (await front.Backend.WaitForRequestsAsync(1))[0];
        request.Trailers["x-check"].Should().Be("1");
        request.Headers.HasToken("transfer-encoding", "chunked").Should().BeTrue();
    }

    [Fact]
    public async Task Rfc9113_8_1_trailers_without_a_body_go_on()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        await front.Client.SendAsync(Http2Frames.Headers(id, [new("x-check", "1")], endStream: true));

        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200);
        front.Backend.Requests[0].Trailers["x-check"].Should().Be("1");
    }

    [Fact]
    public async Task Rfc9113_8_1_a_response_before_the_end_of_the_request_is_whole()
    {
        await using var front = await Http2Front.StartAsync(static async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig");
        });
        var id = await front.Client.OpenAsync(Http2Fields.Post(more: [new("content-length", "1000000")]), endStream: false);

        var response = await front.Client.ReadResponseAsync(id);

        (response.Status, response.BodyText).Should().Be((413, "big"));
        await front.Client.SendAsync(Http2Frames.Data(id, "what was under way"));
        await front.Client.PingAsync();
        front.Client.TakePending().Where(f => f.Type == Http2FrameType.Reset).Should().OnlyContain(static f => f.Error == Http2ErrorCode.NoError);
    }

    [Fact]
    public async Task Rfc9113_8_2_3_cookies_are_joined()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.ExchangeAsync(Http2Fields.Get(more: [new("cookie", "a=b"), new("x-between", "1"), new("cookie", "c=d; e=f"), new("cookie", "g=h")]));

        front.Backend.Requests[0].Headers["cookie"].Should().Be("a=b; c=d; e=f; g=h");
    }

    [Fact]
    public async Task Rfc9113_8_3_1_authority_goes_before_host()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.ExchangeAsync(Http2Fields.Request("GET", authority: "one.test", more: [new("host", "one.test")]));
        await front.Client.ExchangeAsync([new(":method", "GET"), new(":scheme", "http"), new(":path", "/"), new("host", "two.test")]);

        front.Backend.Requests.Select(static r => r.Headers["host"]).Should().Equal("one.test", "two.test");
    }

    [Fact]
    public async Task Rfc9113_8_3_1_OPTIONS_has_an_asterisk_for_its_path()
    {
        await using var front = await Http2Front.StartAsync();

        (await front.Client.ExchangeAsync(Http2Fields.Request("OPTIONS", "*"))).Status.Should().BeOneOf(200, 404);

        front.Backend.Requests.Should().OnlyContain(static r => r.Target == "*");
    }

    [Fact]
    public async Task Rfc9113_8_1_1_a_response_that_is_cut_off_ends_in_RST_STREAM()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.CloseMidBody());

        var reset = (await front.Client.Awaiting(static c => c.GetAsync()).Should().ThrowAsync<Http2ResetException>()).Which;

        reset.Partial!.BodyText.Should().Be("xxxxxxxxxx");
        reset.Error.Should().NotBe(Http2ErrorCode.NoError);
        await front.Client.PingAsync();
    }

    [Fact]
    public async Task Rfc9113_8_6_101_is_not_forwarded()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerRaw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"));

        (await front.Client.GetAsync()).Status.Should().Be(502);
    }

    [Fact]
    public async Task Rfc9113_8_5_CONNECT_that_is_not_served_is_refused_and_the_connection_goes_on()
    {
        await using var front = await Http2Front.StartAsync();

        var response = await front.Client.ExchangeAsync([new(":method", "CONNECT"), new(":authority", "example.com:443")]);

        response.Status.Should().BeOneOf(403, 404, 405);
        await front.MustServeAsync();
    }

    [Fact]
    public async Task Rfc9113_8_2_2_what_HTTP_1_1_says_of_connections_is_not_said_in_HTTP_2()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { Via = "2 edge" });

        var response = await front.Client.ExchangeAsync(Http2Fields.Post(more: [new("te", "trailers")]), "x"u8.ToArray());

        response.Status.Should().Be(200);
        front.Backend.Requests[0].Headers.All("te").Should().BeEmpty("it is of the connection, in HTTP/1.1 too");
    }
}

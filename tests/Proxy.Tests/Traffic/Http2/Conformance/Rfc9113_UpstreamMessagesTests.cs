using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 of the proxy as a client: messages and flow control. The backend holds every frame that it is sent to the RFC.</summary>
public sealed class Rfc9113_UpstreamMessagesTests
{
    private static readonly Dictionary<string, Func<int, Http2Frame[]>> Malformed = new(StringComparer.Ordinal)
    {
        ["8.1 a 1xx that ends the stream"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(103), endStream: true)],
        ["8.1 DATA before a head"] = static id => [Http2Frames.Data(id, "abc", endStream: true)],
        ["8.1 DATA after a 1xx"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(100)), Http2Frames.Data(id, "abc", endStream: true)],
        ["8.2.1 a name with an upper-case letter"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("X-a", "1")), endStream: true)],
        ["8.2.1 a name with a space"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("x a", "1")), endStream: true)],
        ["8.2.1 a name with a colon"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("x:a", "1")), endStream: true)],
        ["8.2.1 an empty name"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("", "1")), endStream: true)],
        ["8.2.1 a value with CR LF"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("x-a", "1\r\nset-cookie: a=b")), endStream: true)],
        ["8.2.1 a value with NUL"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("x-a", "\0")), endStream: true)],
        ["8.2.1 a value that begins with a space"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("x-a", " 1")), endStream: true)],
        ["8.2.2 connection"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("connection", "close")), endStream: true)],
        ["8.2.2 transfer-encoding"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("transfer-encoding", "chunked")), endStream: true)],
        ["8.3 a pseudo-header field of requests"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader(":path", "/")), endStream: true)],
        ["8.3 a pseudo-header field behind a field"] = static id => [Http2Frames.Headers(id, [new("a", "1"), new(":status", "200")], endStream: true)],
        ["8.3 two statuses"] = static id => [Http2Frames.Headers(id, [new(":status", "200"), new(":status", "200")], endStream: true)],
        ["8.3.2 no status"] = static id => [Http2Frames.Headers(id, [new("a", "1")], endStream: true)],
        ["8.3.2 a status of two digits"] = static id => [Http2Frames.Headers(id, [new(":status", "20")], endStream: true)],
        ["8.3.2 a status that is no number"] = static id => [Http2Frames.Headers(id, [new(":status", "2xx")], endStream: true)],
        ["8.3.2 a status with a line"] = static id => [Http2Frames.Headers(id, [new(":status", "200\r\nx: y")], endStream: true)],
        ["8.6 101"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(101))],
        ["8.1.1 a length and no body"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("content-length", "5")), endStream: true)],
        ["8.1.1 two lengths"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("content-length", "0"), new("content-length", "5")), endStream: true)],
        ["8.1.1 a length that is no number"] = static id => [Http2Frames.Headers(id, Http2Fields.Response(200, new RawHeader("content-length", "+0")), endStream: true)],
    };

    /// <summary>What is wrong when the head has been forwarded.</summary>
    private static readonly Dictionary<string, Func<int, Http2Frame[]>> MalformedLater = new(StringComparer.Ordinal)
    {
        ["8.1.1 more than the length"] = static id => [Http2Frames.Data(id, "abcdef", endStream: true)],
        ["8.1.1 less than the length"] = static id => [Http2Frames.Data(id, "ab", endStream: true)],
        ["8.1 trailers that do not end the stream"] = static id => [Http2Frames.Data(id, "abcde"), Http2Frames.Headers(id, [new("x-t", "1")])],
        ["8.1 a pseudo-header field in trailers"] = static id => [Http2Frames.Data(id, "abcd"), Http2Frames.Headers(id, [new(":status", "200")], endStream: true)],
        ["8.2.1 a line in a trailer"] = static id => [Http2Frames.Data(id, "abcd"), Http2Frames.Headers(id, [new("x-t", "1\r\nx: y")], endStream: true)],
    };

    public static TheoryData<string> MalformedNames => [.. Malformed.Keys];

    public static TheoryData<string> MalformedLaterNames => [.. MalformedLater.Keys];

    [Theory]
    [MemberData(nameof(MalformedNames))]
    public async Task Rfc9113_8_1_1_a_malformed_response_is_a_stream_error_and_502(string name)
    {
        await using var upstream = Start(Http2Scripts.InTurn(Http2Scripts.Frames(Malformed[name]), Http2Scripts.Answer()));

        (await upstream.GetAsync()).Status.Should().Be(502);

        (await upstream.Backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.ProtocolError);
        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections.Should().ContainSingle("the connection goes on");
    }

    [Theory]
    [MemberData(nameof(MalformedLaterNames))]
    public async Task Rfc9113_8_1_1_a_response_that_turns_out_malformed_is_cut_off(string name)
    {
        await using var upstream = Start(async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-length", "5"));
            await stream.Connection.SendAsync(MalformedLater[name](stream.Id));
        });

        // Where nothing of it had been passed on, there is still time for another answer.
        try
        {
            (await upstream.GetAsync()).Status.Should().Be(502);
        }
        catch (RawFramingException)
        {
            // Cut off.
        }

        (await upstream.Backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.ProtocolError);
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 204)]
    [InlineData("GET", 304)]
    public async Task Rfc9113_8_1_1_DATA_of_a_response_that_has_none_reaches_nobody(string method, int status)
    {
        await using var upstream = Start(Http2Scripts.InTurn(
            async stream =>
            {
                await stream.ReadRequestAsync();
                await stream.SendHeadAsync(status, endStream: false, new RawHeader("content-length", "41"));
                await stream.Connection.SendAsync(Http2Frames.Data(stream.Id, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxyz", endStream: true));
            },
            Http2Scripts.Answer()));
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
        await client.SendAsync($"{method} / HTTP/1.1\r\nhost: a\r\n\r\nGET /second HTTP/1.1\r\nhost: a\r\n\r\n");

        // Where the head had gone already the connection is cut: that is no answer to the second request either.
        try
        {
            (await client.ReadResponseAsync(method)).Status.Should().BeOneOf(status, 502);
            (await client.ReadResponseAsync()).BodyText.Should().Be("ok");
        }
        catch (RawFramingException e) when (e.Fault is FramingFault.NoMessage or FramingFault.Reset)
        {
            // Cut.
        }

        (await upstream.Backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.ProtocolError);
        (await upstream.GetAsync()).BodyText.Should().Be("ok");
    }

    [Fact]
    public async Task Rfc9113_8_1_a_request_comes_from_HTTP_1_1_and_its_response_goes_back()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Interim(2, 103, static async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200, endStream: false, new RawHeader("x-b", "1"), new("x-b", "2"));
            await stream.SendDataAsync("body");
            await stream.SendTrailersAsync(new RawHeader("x-sum", "4"));
        }), http: static http => http with { EnablesTrailers = true });

        var response = await RawHttpClient.ExchangeAsync(
            upstream.Proxy.Port,
            "POST /a?b=c HTTP/1.1\r\nHost: example.com:81\r\nX-Upper: Kept\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nkeep-alive: 5\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-t\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");

        (response.Status, response.BodyText, response.Framing).Should().Be((200, "body", BodyFraming.Chunked));
        response.Headers.All("x-b").Should().Equal("1", "2");
        response.Trailers["x-sum"].Should().Be("4");
        response.Interim.Should().HaveCount(2);
        var request = upstream.Backend.Requests.Should().ContainSingle().Subject;
        (request.Method, request.Path, request.Authority, request.Scheme, request.BodyText).Should().Be(("POST", "/a?b=c", "example.com:81", "http", "abc"));
        request.Fields["x-upper"].Should().Be("Kept");
        request.Fields.Contains("x-hop").Should().BeFalse();
        request.Trailers["x-t"].Should().Be("1");
    }

    [Fact]
    public async Task Rfc9113_8_2_3_a_cookie_reaches_the_backend_whole()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer());

        await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\ncookie: a=b; c=d\r\n\r\n");

        string.Join("; ", upstream.Backend.Requests[0].Fields.All("cookie")).Should().Be("a=b; c=d");
    }

    [Fact]
    public async Task Rfc9113_8_1_a_request_without_a_body_ends_with_its_head()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer());

        await upstream.GetAsync();

        upstream.Backend.Connections[0].Received.Single(static f => f.Type == Http2FrameType.Headers).EndsStream.Should().BeTrue();
        upstream.Backend.Connections[0].Received.Should().NotContain(static f => f.Type == Http2FrameType.Data);
    }

    [Theory]
    [InlineData("HEAD", 200)]
    [InlineData("GET", 304)]
    [InlineData("GET", 204)]
    public async Task Rfc9113_8_1_1_a_response_without_content_may_have_a_length(string method, int status)
    {
        await using var upstream = Http2Upstream.Start(async stream => await stream.SendHeadAsync(status, endStream: true, status == 204 ? [] : [new RawHeader("content-length", "100")]));

        var response = await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, $"{method} / HTTP/1.1\r\nhost: a\r\n\r\n", method);

        response.Status.Should().Be(status);
    }

    [Fact]
    public async Task Rfc9113_8_1_RST_STREAM_with_NO_ERROR_after_a_whole_response_takes_nothing_from_it()
    {
        await using var upstream = Http2Upstream.Start(static async stream =>
        {
            await stream.AnswerAsync(413, "too large");
            await stream.ResetAsync(Http2ErrorCode.NoError);
        });
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nsome");

        var response = await client.ReadResponseAsync();

        (response.Status, response.BodyText).Should().Be((413, "too large"));
    }

    [Theory]
    [InlineData(Http2ErrorCode.InternalError)]
    [InlineData(Http2ErrorCode.Cancel)]
    [InlineData((Http2ErrorCode)0xabcdef)]
    public async Task Rfc9113_6_4_a_reset_before_the_response_is_an_upstream_failure(Http2ErrorCode error)
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(Http2Scripts.Reset(error), Http2Scripts.Answer()));

        (await upstream.GetAsync()).Status.Should().BeOneOf(502, 503);
        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections.Should().ContainSingle("a stream error leaves the connection alone");
    }

    [Fact]
    public async Task Rfc9113_5_1_frames_after_the_end_of_a_response_are_STREAM_CLOSED_or_discarded()
    {
        await using var upstream = Http2Upstream.Start(static async stream =>
        {
            await stream.AnswerAsync();
            await stream.Connection.SendAsync(Http2Frames.Data(stream.Id, "late"));
        });

        (await upstream.GetAsync()).Status.Should().Be(200);
        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections.SelectMany(static c => c.Received).Where(static f => f.Type is Http2FrameType.Reset or Http2FrameType.GoAway)
            .Should().OnlyContain(static f => f.Error == Http2ErrorCode.StreamClosed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(100_000)]
    public async Task Rfc9113_6_9_a_request_keeps_to_the_windows_of_the_server(int window)
    {
        // The backend fails where more comes than its windows allow.
        await using var upstream = Http2Upstream.Start(Http2Scripts.EchoBody(), new Http2BackendOptions { Settings = [new(Http2SettingId.InitialWindowSize, (uint)window)] });
        var body = new string('b', window == 1 ? 100 : 400_000);

        var response = await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, $"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n{body}");

        response.BodyText.Should().Be(body);
    }

    [Fact]
    public async Task Rfc9113_6_9_1_a_backend_that_gives_no_window_back_stops_the_request()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.NeverRead(), new Http2BackendOptions { GivesWindowsBack = false });
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n{new string('x', 100_000)}");
        var connection = await upstream.Backend.WaitForConnectionAsync(1);

        await upstream.Backend.WaitForStreamsAsync(1);
        await Patience.UntilAsync(() => Sent(connection) == 65_535, "the whole window");
        await connection.SendAsync(Http2Frames.Ping(5));
        await connection.WaitForFrameAsync(static f => f.IsAck && f.Type == Http2FrameType.Ping, "the answer to PING");

        Sent(connection).Should().Be(65_535);
        client.Reset();
        (await connection.Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.Cancel);
    }

    [Fact]
    public async Task Rfc9113_6_9_a_large_response_gets_its_windows_back()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer(200, new string('x', 5_000_000)));

        (await upstream.GetAsync()).Body.Should().HaveCount(5_000_000);
    }

    [Theory]
    [InlineData(0u, Http2ErrorCode.ProtocolError)]
    [InlineData((uint)int.MaxValue, Http2ErrorCode.FlowControlError)]
    public async Task Rfc9113_6_9_a_wrong_WINDOW_UPDATE_of_a_stream_is_a_stream_error(uint increment, Http2ErrorCode error)
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(Http2Scripts.Hang(), Http2Scripts.Answer()));
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
        await upstream.Backend.WaitForStreamsAsync(1);
        await upstream.Backend.Connections[0].SendAsync(Http2Frames.WindowUpdate(1, increment));

        (await upstream.Backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(error);
        (await client.ReadResponseAsync()).Status.Should().BeOneOf(502, 503);
        (await upstream.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_8_7_a_refused_stream_was_not_processed()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(Http2Scripts.Refuse(), Http2Scripts.Answer()));

        (await upstream.GetAsync()).Status.Should().BeOneOf(200, 503);
        upstream.Backend.Requests.Count.Should().BeLessThanOrEqualTo(1);
    }

    private static Http2Upstream Start(Http2Script script) =>
        Http2Upstream.Start(script, cluster: static cluster => cluster with { Http2 = cluster.Http2 with { EndsOnlyStreamOfInvalidMessage = true } });

    private static int Sent(Http2BackendConnection connection) => connection.Received.Where(static f => f.Type == Http2FrameType.Data).Sum(static f => f.Payload.Length);
}

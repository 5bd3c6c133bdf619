using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>
/// RFC 9113 section 8.1.1: a malformed request is a stream error, nothing of it reaches a backend, and the connection goes on. As in Envoy it ends the connection unless
/// <c>override_stream_error_on_invalid_http_message</c> says otherwise.
/// </summary>
public sealed class Rfc9113_8_MalformedRequestTests
{
    private static readonly RawHeader[] Get = Http2Fields.Get("/malformed");

    /// <summary>Heads of requests without a body.</summary>
    private static readonly Dictionary<string, RawHeader[]> Heads = new(StringComparer.Ordinal)
    {
        ["8.2.1 a name with an upper-case letter"] = [.. Get, new("X-a", "1")],
        ["8.2.1 an empty name"] = [.. Get, new("", "1")],
        ["8.2.1 a name with a space"] = [.. Get, new("x a", "1")],
        ["8.2.1 a name with a colon at its end"] = [.. Get, new("x-a:", "1")],
        ["8.2.1 a name with a line"] = [.. Get, new("x-a: 1\r\nx-b", "1")],
        ["8.2.1 a name with NUL"] = [.. Get, new("x\0a", "1")],
        ["8.2.1 a name with a tab"] = [.. Get, new("x\ta", "1")],
        ["8.2.1 a name with DEL"] = [.. Get, new("x\u007fa", "1")],
        ["8.2.1 a name with a byte above 0x7f"] = [.. Get, new("x\u00e4", "1")],
        ["8.2.1 a value with CR LF"] = [.. Get, new("x-a", "1\r\nx-b: 2")],
        ["8.2.1 a value with LF"] = [.. Get, new("x-a", "1\nx-b: 2")],
        ["8.2.1 a value with CR"] = [.. Get, new("x-a", "1\rx")],
        ["8.2.1 a value with NUL"] = [.. Get, new("x-a", "1\0")],
        ["8.2.1 a value that begins with a space"] = [.. Get, new("x-a", " 1")],
        ["8.2.1 a value that ends in a space"] = [.. Get, new("x-a", "1 ")],
        ["8.2.1 a value that begins with a tab"] = [.. Get, new("x-a", "\t1")],
        ["8.2.1 a value that ends in a tab"] = [.. Get, new("x-a", "1\t")],
        ["8.2.2 connection"] = [.. Get, new("connection", "close")],
        ["8.2.2 connection of nothing"] = [.. Get, new("connection", "")],
        ["8.2.2 proxy-connection"] = [.. Get, new("proxy-connection", "keep-alive")],
        ["8.2.2 keep-alive"] = [.. Get, new("keep-alive", "timeout=5")],
        ["8.2.2 transfer-encoding"] = [.. Get, new("transfer-encoding", "chunked")],
        ["8.2.2 upgrade"] = [.. Get, new("upgrade", "websocket")],
        ["8.2.2 te that is not trailers"] = [.. Get, new("te", "gzip")],
        ["8.2.2 te that is trailers and more"] = [.. Get, new("te", "trailers, deflate;q=0.5")],
        ["8.3 a pseudo-header field that is not defined"] = [new(":x", "1"), .. Get],
        ["8.3 a pseudo-header field of responses"] = [.. Get, new(":status", "200")],
        ["8.3 a pseudo-header field behind a field"] = [Get[0], Get[1], Get[2], new("x-a", "1"), Get[3]],
        ["8.3 a pseudo-header field in upper case"] = [.. Get.Without(":path"), new(":Path", "/")],
        ["8.3 two methods"] = [Get[0], .. Get],
        ["8.3 two schemes"] = [Get[1], .. Get],
        ["8.3 two authorities"] = [Get[2], .. Get],
        ["8.3 two paths"] = [.. Get, new(":path", "/other")],
        ["8.3.1 no method"] = Get.Without(":method"),
        ["8.3.1 no scheme"] = Get.Without(":scheme"),
        ["8.3.1 no path"] = Get.Without(":path"),
        ["8.3.1 an empty method"] = Get.With(":method", ""),
        ["8.3.1 a method that is no token"] = Get.With(":method", "GE T"),
        ["8.3.1 a method with a line"] = Get.With(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"),
        ["8.3.1 an empty scheme"] = Get.With(":scheme", ""),
        ["8.3.1 a scheme with a line"] = Get.With(":scheme", "http\r\nx"),
        ["8.3.1 an empty path"] = Get.With(":path", ""),
        ["8.3.1 a path without its slash"] = Get.With(":path", "index.html"),
        ["8.3.1 a path with an authority of its own"] = Get.With(":path", "http://other/"),
        ["8.3.1 a path with the authority that is there"] = Get.With(":path", "http://localhost/"),
        ["8.3.1 a path with a fragment"] = Get.With(":path", "/a#b"),
        ["8.3.1 a scheme that is neither http nor https"] = Get.With(":scheme", "ftp"),
        ["8.3.1 an asterisk of another method than OPTIONS"] = Get.With(":path", "*"),
        ["8.3.1 a path with a space"] = Get.With(":path", "/a HTTP/1.1"),
        ["8.3.1 a path with a line"] = Get.With(":path", "/ HTTP/1.1\r\nx: y"),
        ["8.3.1 a path with NUL"] = Get.With(":path", "/\0"),
        ["8.3.1 an authority with userinfo"] = Get.With(":authority", "user@localhost"),
        ["8.3.1 an authority with userinfo and password"] = Get.With(":authority", "user:secret@localhost:80"),
        ["8.3.1 an authority with a line"] = Get.With(":authority", "localhost\r\nx: y"),
        ["8.3.1 an authority with a path"] = Get.With(":authority", "localhost/x"),
        ["8.3.1 an authority with a space"] = Get.With(":authority", "local host"),
        ["8.3.1 host that is not authority"] = [.. Get, new("host", "other")],
        ["8.3.1 two hosts"] = [.. Get.Without(":authority"), new("host", "localhost"), new("host", "localhost")],
        ["8.3.1 no authority and no host"] = Get.Without(":authority"),
        ["8.5 CONNECT with a path"] = [new(":method", "CONNECT"), new(":authority", "a:1"), new(":path", "/")],
        ["8.5 CONNECT with a scheme"] = [new(":method", "CONNECT"), new(":scheme", "http"), new(":authority", "a:1")],
        ["8.5 CONNECT without authority"] = [new(":method", "CONNECT")],
        ["RFC 8441 4 a protocol of another method than CONNECT"] = [.. Get, new(":protocol", "websocket")],
        ["8.1.1 a length and no body"] = [.. Http2Fields.Post("/malformed"), new("content-length", "5")],
        ["8.1.1 two lengths"] = [.. Http2Fields.Post("/malformed"), new("content-length", "0"), new("content-length", "5")],
        ["8.1.1 a length that is no number"] = [.. Http2Fields.Post("/malformed"), new("content-length", "0x0")],
        ["8.1.1 a negative length"] = [.. Http2Fields.Post("/malformed"), new("content-length", "-1")],
        ["8.1.1 a list of lengths"] = [.. Http2Fields.Post("/malformed"), new("content-length", "0, 0")],
        ["8.1.1 a length beyond 64 bits"] = [.. Http2Fields.Post("/malformed"), new("content-length", "99999999999999999999")],
    };

    /// <summary>What follows the head of a POST without END_STREAM.</summary>
    private static readonly Dictionary<string, (string? Length, Func<int, Http2Frame[]> Frames)> Bodies = new(StringComparer.Ordinal)
    {
        ["8.1.1 more than the length"] = ("2", static id => [Http2Frames.Data(id, "abc", endStream: true)]),
        ["8.1.1 more than the length in two frames"] = ("2", static id => [Http2Frames.Data(id, "ab"), Http2Frames.Data(id, "c")]),
        ["8.1.1 less than the length"] = ("4", static id => [Http2Frames.Data(id, "abc", endStream: true)]),
        ["8.1.1 less than the length and trailers"] = ("4", static id => [Http2Frames.Data(id, "abc"), Http2Frames.Headers(id, [new("x-t", "1")], endStream: true)]),
        ["8.1.1 anything where the length is 0"] = ("0", static id => [Http2Frames.Data(id, "a", endStream: true)]),
        ["8.1 trailers that do not end the stream"] = (null, static id => [Http2Frames.Data(id, "abc"), Http2Frames.Headers(id, [new("x-t", "1")])]),
        ["8.1 a second head"] = (null, static id => [Http2Frames.Headers(id, Get)]),
        ["8.1 a pseudo-header field in trailers"] = (null, static id => [Http2Frames.Data(id, "abc"), Http2Frames.Headers(id, [new(":path", "/x")], endStream: true)]),
        ["8.1 :status in trailers"] = (null, static id => [Http2Frames.Headers(id, [new(":status", "200")], endStream: true)]),
        ["8.2.1 an upper-case letter in trailers"] = (null, static id => [Http2Frames.Headers(id, [new("X-T", "1")], endStream: true)]),
        ["8.2.1 a line in a trailer"] = (null, static id => [Http2Frames.Headers(id, [new("x-t", "1\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")], endStream: true)]),
        ["8.2.2 connection in trailers"] = (null, static id => [Http2Frames.Headers(id, [new("connection", "close")], endStream: true)]),
        ["8.2.2 transfer-encoding in trailers"] = (null, static id => [Http2Frames.Headers(id, [new("transfer-encoding", "chunked")], endStream: true)]),
    };

    public static TheoryData<string> HeadNames => [.. Heads.Keys];

    public static TheoryData<string> BodyNames => [.. Bodies.Keys];

    [Theory]
    [MemberData(nameof(HeadNames))]
    public async Task Rfc9113_8_1_1_a_malformed_head_is_a_stream_error(string name)
    {
        await using var front = await Http2Front.StartAsync();

        await front.MustBeMalformedAsync(await front.Client.OpenAsync(Heads[name]));
    }

    [Theory]
    [MemberData(nameof(BodyNames))]
    public async Task Rfc9113_8_1_1_a_malformed_body_or_trailer_is_a_stream_error(string name)
    {
        await using var front = await Http2Front.StartAsync();
        var (length, frames) = Bodies[name];
        var id = await front.Client.OpenAsync(Http2Fields.Post("/malformed", length is null ? [] : [new("content-length", length)]), endStream: false);

        await front.Client.SendAsync(frames(id));

        if (length == "0")
        {
            // Whole before the fault came: it may have been served, and what came behind it must be nobody's.
            await front.Client.ExpectAsync(f => f.Type is Http2FrameType.Headers or Http2FrameType.Reset && f.StreamId == id, "the answer");
            await front.Client.PingAsync();
            (await front.Client.GetAsync("/after")).Status.Should().Be(200);
            front.Backend.Requests.Where(static r => r.Target == "/malformed").Should().OnlyContain(static r => r.BodyText == "");
            front.Backend.Requests.Should().OnlyContain(static r => r.Target == "/malformed" || r.Target == "/after");
            return;
        }

        await front.MustBeMalformedAsync(id);
    }

    [Theory]
    [InlineData("8.2.1 a value with CR LF")]
    [InlineData("8.2.2 connection")]
    [InlineData("8.3 two paths")]
    [InlineData("8.3.1 no method")]
    public async Task By_default_a_malformed_head_ends_the_connection_as_in_Envoy(string name)
    {
        await using var front = await Http2Front.StartAsync(options: static o => o with { EndsOnlyStreamOfInvalidMessage = false });

        await front.Client.OpenAsync(Heads[name]);

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
        front.Backend.Connections.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_8_1_1_a_body_that_is_too_long_never_reaches_the_backend_whole()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post("/malformed", new RawHeader("content-length", "3")), endStream: false);
        await front.Client.SendAsync(Http2Frames.Data(id, "ab"));
        var backend = await front.Backend.WaitForConnectionAsync(1);

        await front.Client.SendAsync(Http2Frames.Data(id, "cGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n", endStream: true));

        await backend.Ended.WaitAsync();
        System.Text.Encoding.Latin1.GetString(backend.Received).Should().NotContain("smuggled");
        await front.MustBeMalformedAsync(id);
    }

    [Fact]
    public async Task Rfc9113_8_2_1_values_may_have_every_other_byte()
    {
        await using var front = await Http2Front.StartAsync();
        var value = "x" + string.Concat(Enumerable.Range(1, 255).Where(static c => c is '\t' or (>= 0x20 and not 0x7f)).Select(static c => ((char)c).ToString(CultureInfo.InvariantCulture))) + "x";

        (await front.Client.ExchangeAsync([.. Http2Fields.Get(), new("x-a", value), new("!#$%&'*+-.^_`|~0a", "1"), new("x-empty", "")])).Status.Should().Be(200);

        front.Backend.Requests[0].Headers["x-a"].Should().Be(value);
        front.Backend.Requests[0].Headers["!#$%&'*+-.^_`|~0a"].Should().Be("1");
        front.Backend.Requests[0].Headers["x-empty"].Should().BeEmpty();
    }
}

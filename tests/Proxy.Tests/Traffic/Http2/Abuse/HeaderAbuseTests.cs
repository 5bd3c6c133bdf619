using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Abuse;

/// <summary>Heads that are larger than they look, and fields that come in by a way round the checks.</summary>
public sealed class HeaderAbuseTests
{
    private const int FirstAdded = 62;

    public static TheoryData<string, int> TooLarge => new()
    {
        { "a large entry of the table, again and again", 431 },
        { "a field too long", 431 },
        { "too many fields", 431 },
        { "257 crumbs of a cookie", 431 },
        { "a cookie of more than 16 KiB in crumbs", 431 },
        { "256 crumbs of a cookie", 200 },
        { "100 fields", 200 },
    };

    [Theory]
    [MemberData(nameof(TooLarge))]
    public async Task A_head_that_is_too_large_is_answered_with_431_and_the_connection_goes_on(string name, int status)
    {
        await using var front = await Http2Front.StartAsync();

        // The table's largest entry has 4,096 bytes with its overhead.
        var block = name switch
        {
            "a large entry of the table, again and again" => Block(new HpackBlock().Added("x-bomb", new string('b', 4000)), Enumerable.Repeat(FirstAdded, 15_000)),
            "a field too long" => HpackBlock.Of(Http2Fields.Get(more: new RawHeader("x-long", new string('x', 62_000)))),
            "too many fields" => HpackBlock.Of(Http2Fields.Get(more: Enumerable.Range(0, 101).Select(static i => new RawHeader($"x-{i}", "1")))),
            "100 fields" => HpackBlock.Of(Http2Fields.Get(more: Enumerable.Range(0, 99).Select(static i => new RawHeader($"x-{i}", "1")))),
            "257 crumbs of a cookie" => HpackBlock.Of(Http2Fields.Get(more: Enumerable.Repeat(new RawHeader("cookie", "a=b"), 257))),
            "256 crumbs of a cookie" => HpackBlock.Of(Http2Fields.Get(more: Enumerable.Repeat(new RawHeader("cookie", "a=b"), 256))),
            _ => HpackBlock.Of(Http2Fields.Get(more: Enumerable.Repeat(new RawHeader("cookie", new string('c', 1000)), 17))),
        };
        await front.Client.SendAsync([.. Frames(1, block)]);

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(status, name);
        front.Proxy.Stat("http2.header_overflow").Should().Be(status == 431 ? 1 : 0);
        front.Proxy.Stat("http.test.downstream_rq_too_large").Should().Be(status == 431 ? 1 : 0);
        front.Client.NextStreamId = 3;
        await front.MustServeAsync(status == 431 ? 0 : 1);
    }

    public static TheoryData<string> Smuggled => ["behind a field that is refused", "in trailers", "in trailers, where it is left out", "behind too much", "in a request that is refused", "in a block of a stream that has ended"];

    [Theory]
    [MemberData(nameof(Smuggled))]
    public async Task A_field_that_was_never_judged_does_not_come_out_of_the_table_as_good(string where)
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer, static o => o with { MaxConcurrentStreams = 2 });
        var bad = new HpackBlock().Added("x-evil", "1\r\nx-smuggled: 1").ToBytes();
        var get = HpackBlock.Of(Http2Fields.Get("/1"));
        switch (where)
        {
            case "behind a field that is refused":
                await front.Client.SendAsync(Http2Frames.HeaderBlock(1, [.. get, .. new HpackBlock().Literal("X-Upper", "1").ToBytes(), .. bad], endStream: true));
                break;
            case "in trailers":
                await front.Client.SendAsync(Http2Frames.Headers(1, Http2Fields.Post("/hang")), Http2Frames.HeaderBlock(1, bad, endStream: true));
                break;
            case "in trailers, where it is left out":
                bad = new HpackBlock().Added("content-type", "1\r\nx-smuggled: 1").ToBytes();
                await front.Client.SendAsync(Http2Frames.Headers(1, Http2Fields.Post("/hang")), Http2Frames.HeaderBlock(1, bad, endStream: true));
                break;
            case "behind too much":
                await front.Client.SendAsync([.. Frames(1, [.. HpackBlock.Of(Http2Fields.Get("/1", new RawHeader("x-long", new string('x', 62_000)))), .. bad])]);
                break;
            case "in a request that is refused":
                await front.Client.SendAsync(
                    Http2Frames.Headers(1, Http2Fields.Get("/hang"), endStream: true), Http2Frames.Headers(3, Http2Fields.Get("/hang"), endStream: true), Http2Frames.HeaderBlock(5, [.. get, .. bad], endStream: true),
                    Http2Frames.Reset(1), Http2Frames.Reset(3));
                break;
            default:
                await front.Client.SendAsync(Http2Frames.Headers(1, Http2Fields.Get("/hang"), endStream: true), Http2Frames.HeaderBlock(1, bad, endStream: true));
                break;
        }

        await front.Client.PingAsync();
        await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the end of the first requests");
        await front.Client.SendAsync(Http2Frames.HeaderBlock(9, [.. HpackBlock.Of(Http2Fields.Get("/smuggled")), .. new HpackBlock().Indexed(FirstAdded).ToBytes()], endStream: true));

        var frame = await front.Client.ExpectAsync(static f => f.StreamId == 9 && f.Type is Http2FrameType.Reset or Http2FrameType.Headers, "the end of the request");
        (frame.Type == Http2FrameType.Reset ? 400 : int.Parse(frame.Fields[":status"]!)).Should().Be(400, where);
        front.Backend.Requests.Should().NotContain(static r => r.Target == "/smuggled" || r.Headers.Contains("x-smuggled"));
    }

    private static byte[] Block(HpackBlock added, IEnumerable<int> indexes)
    {
        foreach (var index in indexes)
        {
            added.Indexed(index);
        }

        return [.. HpackBlock.Of(Http2Fields.Get()), .. added.ToBytes()];
    }

    private static IEnumerable<Http2Frame> Frames(int streamId, byte[] block)
    {
        var pieces = block.Chunk(16_000).ToArray();
        yield return Http2Frames.HeaderBlock(streamId, pieces[0], endStream: true, endHeaders: pieces.Length == 1);
        for (var i = 1; i < pieces.Length; i++)
        {
            yield return Http2Frames.Continuation(streamId, pieces[i], i == pieces.Length - 1);
        }
    }
}

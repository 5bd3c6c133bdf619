using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 section 6: what each type of frame may be, but for flow control.</summary>
public sealed class Rfc9113_6_FrameRulesTests
{
    /// <summary>Frames that end the connection, on one whose stream 1 is open, and what they end it with.</summary>
    private static readonly Dictionary<string, (Http2ErrorCode Error, Http2Frame[] Frames)> Fatal = new(StringComparer.Ordinal)
    {
        ["6.1 DATA on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Data(0, "x")]),
        ["6.1 padding as long as the payload of DATA"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(0, 0x8, 1, 4, 0, 0, 0)]),
        ["6.1 padding longer than the payload of DATA"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(0, 0x8, 1, 200, 0, 0, 0)]),
        ["6.2 padding as long as the payload of HEADERS"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(1, 0xd, 3, 4, 0, 0, 0)]),
        ["6.2 padding and priority longer than the payload of HEADERS"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(1, 0x2d, 3, 2, 0, 0, 0, 0, 15, 0)]),
        ["6.2 another type inside a header block"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Ping()]),
        ["6.2 another stream inside a header block"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Headers(5, Http2Fields.Get(), endStream: true)]),
        ["6.2 DATA of the stream inside its header block"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Data(3, "x")]),
        ["6.3 PRIORITY on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Priority(0)]),
        ["6.4 RST_STREAM on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Reset(0)]),
        ["6.4 RST_STREAM on an idle stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Reset(9)]),
        ["6.4 RST_STREAM of three bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(3, 0, 1, 0, 0, 0)]),
        ["6.4 RST_STREAM of five bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(3, 0, 1, 0, 0, 0, 0, 0)]),
        ["6.5 an acknowledgement with a payload"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(4, 0x1, 0, 0, 4, 0, 0, 0, 1)]),
        ["6.5 SETTINGS on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(4, 0, 1)]),
        ["6.5 SETTINGS of five bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(4, 0, 0, 0, 4, 0, 0, 1)]),
        ["6.5.2 ENABLE_PUSH of 2"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.EnablePush, 2)]),
        ["6.5.2 INITIAL_WINDOW_SIZE of 2³¹"] = (Http2ErrorCode.FlowControlError, [Http2Frames.Settings(Http2SettingId.InitialWindowSize, 0x80000000)]),
        ["6.5.2 MAX_FRAME_SIZE of 16,383"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.MaxFrameSize, 16_383)]),
        ["6.5.2 MAX_FRAME_SIZE of 2²⁴"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.MaxFrameSize, 1 << 24)]),
        ["6.6 PUSH_PROMISE of a client"] = (Http2ErrorCode.ProtocolError, [Http2Frames.PushPromise(1, 2, HpackBlock.Of(Http2Fields.Get()))]),
        ["6.7 PING on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(6, 0, 1, new byte[8])]),
        ["6.7 PING of seven bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(6, 0, 0, new byte[7])]),
        ["6.7 PING of nine bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(6, 0, 0, new byte[9])]),
        ["6.8 GOAWAY on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(7, 0, 1, new byte[8])]),
        ["6.8 GOAWAY of seven bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(7, 0, 0, new byte[7])]),
        ["6.9 WINDOW_UPDATE of three bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(8, 0, 0, 0, 0, 1)]),
        ["6.9 WINDOW_UPDATE of five bytes on a stream"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(8, 0, 1, 0, 0, 0, 0, 1)]),
        ["6.9 the connection's window grows by nothing"] = (Http2ErrorCode.ProtocolError, [Http2Frames.WindowUpdate(0, 0)]),
        ["6.9 the connection's window grows by nothing but the reserved bit"] = (Http2ErrorCode.ProtocolError, [Http2Frames.WindowUpdate(0, 0x80000000)]),
        ["6.9.1 the connection's window grows beyond 2³¹-1"] = (Http2ErrorCode.FlowControlError, [Http2Frames.WindowUpdate(0, int.MaxValue)]),
        ["6.9.1 the connection's window grows beyond 2³¹-1 in two steps"] = (Http2ErrorCode.FlowControlError, [Http2Frames.WindowUpdate(0, int.MaxValue - 65_535), Http2Frames.WindowUpdate(0, 1)]),
        ["6.9.2 SETTINGS make a stream's window grow beyond 2³¹-1"] = (Http2ErrorCode.FlowControlError, [Http2Frames.WindowUpdate(1, 0x7fff0000), Http2Frames.Settings(Http2SettingId.InitialWindowSize, int.MaxValue)]),
        ["6.10 CONTINUATION on stream 0"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Continuation(0, [])]),
        ["6.10 CONTINUATION of another stream"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Continuation(5, HpackBlock.Of(Http2Fields.Get()))]),
        ["6.10 CONTINUATION of nothing"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Continuation(1, HpackBlock.Of(Http2Fields.Get()))]),
        ["6.10 CONTINUATION after the end of the block"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Headers(3, Http2Fields.Get()), Http2Frames.Continuation(3, HpackBlock.Of([new("a", "b")]))]),
        ["6.10 CONTINUATION after CONTINUATION that ended the block"] = (Http2ErrorCode.ProtocolError, [Begun(3), Http2Frames.Continuation(3, HpackBlock.Of(Http2Fields.Get())[3..]), Http2Frames.Continuation(3, [])]),
        ["RFC 9218 7.1 PRIORITY_UPDATE on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.PriorityUpdate(1, "u=1", streamId: 1)]),
        ["RFC 9218 7.1 PRIORITY_UPDATE of stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.PriorityUpdate(0, "u=1")]),
        ["RFC 9218 7.1 PRIORITY_UPDATE of a stream that would be pushed"] = (Http2ErrorCode.ProtocolError, [Http2Frames.PriorityUpdate(2, "u=1")]),
        ["RFC 9218 7.1 PRIORITY_UPDATE of three octets"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw((int)Http2FrameType.PriorityUpdate, 0, 0, 0, 0, 1)]),
        ["6.10 CONTINUATION after DATA"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Data(1, "x"), Http2Frames.Continuation(1, HpackBlock.Of([new("a", "b")]))]),
    };

    public static TheoryData<string> FatalNames => [.. Fatal.Keys];

    [Theory]
    [MemberData(nameof(FatalNames))]
    public async Task Rfc9113_6_it_is_a_connection_error(string name)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        await front.Client.OpenAsync(Http2Fields.Post("/open"), endStream: false);

        await front.Client.SendAsync(Fatal[name].Frames);

        await front.Client.ExpectConnectionErrorAsync(Fatal[name].Error);
        front.Backend.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_6_1_padding_is_taken_off()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(more: [new("content-length", "6")]), endStream: false);

        await front.Client.SendAsync(Http2Frames.Data(id, "abc", padding: 255), Http2Frames.Data(id, "", padding: 9), Http2Frames.Data(id, "def", endStream: true, padding: 0));

        EchoedRequest.FromJson((await front.Client.ReadResponseAsync(id)).BodyText).Body.Should().Be("abcdef");
    }

    [Fact]
    public async Task Rfc9113_6_2_padding_and_priority_of_HEADERS_are_taken_off()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(
            Http2Frames.HeaderBlock(1, HpackBlock.Of(Http2Fields.Get("/1")), endStream: true, padding: 100, dependency: 0x80000000),
            Http2Frames.HeaderBlock(3, HpackBlock.Of(Http2Fields.Get("/3")), endStream: true, dependency: 3));

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
        (await front.Client.ReadResponseAsync(3)).Status.Should().Be(200, "what RFC 7540 said of a stream that depends on itself is gone");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(6)]
    public async Task Rfc9113_6_3_PRIORITY_of_another_length_than_five_is_a_stream_error(int length)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.Raw((int)Http2FrameType.Priority, 0, id, new byte[length]));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.FrameSizeError);
    }

    [Fact]
    public async Task Rfc9113_6_4_RST_STREAM_ends_the_request_at_the_backend()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerNothing());
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        await front.Backend.WaitForRequestsAsync(1);

        await front.Client.SendAsync(Http2Frames.Reset(id, (Http2ErrorCode)0x12345));

        await front.Backend.Connections[0].Ended.WaitAsync();
        await front.Client.PingAsync();
        front.Client.TakePending().Should().NotContain(f => f.StreamId == id, "nothing may be sent on it any more");
    }

    [Fact]
    public async Task Rfc9113_6_5_settings_are_acknowledged_one_by_one_and_unknown_ones_ignored()
    {
        await using var front = await Http2Front.StartAsync();

        for (var i = 0; i < 5; i++)
        {
            await front.Client.SendSettingsAsync(new((Http2SettingId)0xfefe, uint.MaxValue), new(Http2SettingId.InitialWindowSize, 1), new(Http2SettingId.InitialWindowSize, 100_000), default);
        }

        for (var i = 0; i < 5; i++)
        {
            await front.Client.ExpectSettingsAckAsync();
        }

        await front.MustServeAsync();
    }

    [Fact]
    public async Task Rfc9113_6_5_2_frames_are_no_longer_than_the_client_allows()
    {
        // The client fails where a frame has more than 16,384 bytes.
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, new string('x', 300_000), new RawHeader("x-long", new string('y', 40_000))));

        var response = await front.Client.GetAsync();

        response.Body.Should().HaveCount(300_000);
        response.Fields["x-long"].Should().HaveLength(40_000);
    }

    [Fact]
    public async Task Rfc9113_6_5_2_a_client_may_say_anything_that_is_allowed()
    {
        await using var front = await Http2Front.StartAsync(
            settings:
            [
                new(Http2SettingId.HeaderTableSize, 4096), new(Http2SettingId.EnablePush, 1), new(Http2SettingId.MaxConcurrentStreams, 0), new(Http2SettingId.InitialWindowSize, int.MaxValue),
                new(Http2SettingId.MaxFrameSize, 16_384), new(Http2SettingId.MaxFrameSize, 16_384), new(Http2SettingId.MaxHeaderListSize, uint.MaxValue), new(Http2SettingId.NoRfc7540Priorities, 1),
            ]);

        await front.MustServeAsync();
    }

    [Fact]
    public async Task Rfc9113_6_7_PING_is_answered_with_its_bytes_and_an_answer_is_not()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.Ping(0x0102030405060708, ack: true), Http2Frames.Ping(-2));

        (await front.Client.ExpectAsync(static f => f.Type == Http2FrameType.Ping, "PING")).Payload.Should().Equal(Http2Frames.Ping(-2).Payload);
        await front.Client.PingAsync();
    }

    [Fact]
    public async Task Rfc9113_6_8_after_GOAWAY_of_the_client_its_streams_end_as_they_would()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.GoAway(0, (Http2ErrorCode)0x99, "enough"), Http2Frames.Data(id, "abc", endStream: true));

        EchoedRequest.FromJson((await front.Client.ReadResponseAsync(id)).BodyText).Body.Should().Be("abc");
    }

    [Fact]
    public async Task Rfc9113_6_10_a_block_may_come_in_any_pieces()
    {
        await using var front = await Http2Front.StartAsync();
        var block = HpackBlock.Of(Http2Fields.Get("/pieces", new RawHeader("x-a", "1")));
        for (var cut = 0; cut <= block.Length; cut++)
        {
            var id = front.Client.NextStreamId;
            front.Client.NextStreamId += 2;

            await front.Client.SendAsync(Http2Frames.HeaderBlock(id, block[..cut], endStream: true, endHeaders: false), Http2Frames.Continuation(id, block[cut..]));

            (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200, $"of a block cut at {cut}");
        }
    }

    [Fact]
    public async Task Rfc9113_6_10_a_block_may_have_a_frame_for_every_few_bytes_and_every_byte_of_frames_a_segment()
    {
        await using var front = await Http2Front.StartAsync();
        var block = HpackBlock.Of(Http2Fields.Get("/b"));

        // As many frames as are taken: more are a flood.
        var pieces = block.Skip(1).Chunk((block.Length + 30) / 32).ToArray();
        Http2Frame[] frames = [Http2Frames.HeaderBlock(1, block[..1], endStream: true, endHeaders: false), .. pieces.Index().Select(p => Http2Frames.Continuation(1, p.Item, p.Index == pieces.Length - 1))];
        foreach (var one in Http2Frames.ToBytes(frames))
        {
            await front.Client.SendBytesAsync(new[] { one });
        }

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
        front.Backend.Requests[0].Target.Should().Be("/b");
    }

    private static Http2Frame Begun(int streamId) => Http2Frames.HeaderBlock(streamId, HpackBlock.Of(Http2Fields.Get())[..3], endStream: true, endHeaders: false);
}

using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 sections 4 and 5.5: frames, header blocks, and what is not known.</summary>
public sealed class Rfc9113_4_FramesTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(101)]
    public async Task Rfc9113_4_1_frames_of_unknown_types_are_ignored(int streamId)
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.Raw(0xbb, 0xff, streamId, [1, 2, 3]), Http2Frames.Raw(0x0a, 0, streamId), Http2Frames.Raw(0xff, 0, streamId, new byte[16_384]));

        await front.MustServeAsync();
    }

    [Fact]
    public async Task Rfc9113_4_1_flags_that_are_not_defined_are_ignored()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(
            Http2Frames.Raw((int)Http2FrameType.Headers, 0x04 | 0x01 | 0xd2, 1, HpackBlock.Of(Http2Fields.Get("/flags"))),
            Http2Frames.Raw((int)Http2FrameType.WindowUpdate, 0xff, 0, 0, 0, 0, 1),
            Http2Frames.Raw((int)Http2FrameType.Settings, 0xfe, 0));

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_4_1_the_reserved_bit_of_the_stream_is_ignored()
    {
        await using var front = await Http2Front.StartAsync();
        var bytes = Http2Frames.Headers(1, Http2Fields.Get(), endStream: true).ToBytes();
        bytes[5] |= 0x80;

        await front.Client.SendBytesAsync(bytes);

        (await front.Client.ReadResponseAsync(1)).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_4_2_a_frame_of_16384_bytes_is_taken()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.Data(id, new byte[16_384], endStream: true));

        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200);
        front.Backend.Requests[0].Body.Should().HaveCount(16_384);
    }

    [Theory]
    [InlineData((int)Http2FrameType.Headers)]
    [InlineData((int)Http2FrameType.Settings)]
    [InlineData((int)Http2FrameType.Continuation)]
    [InlineData(0xbb)]
    public async Task Rfc9113_4_2_a_frame_beyond_SETTINGS_MAX_FRAME_SIZE_is_a_connection_error(int type)
    {
        await using var front = await Http2Front.StartAsync();

        // The length alone is enough: what does not come cannot be waited for.
        await front.Client.SendBytesAsync(Http2Frames.Raw(type, 0x4, type == (int)Http2FrameType.Settings ? 0 : 1, new byte[16_385]).ToBytes().AsMemory(0, 9));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.FrameSizeError);
    }

    [Fact]
    public async Task Rfc9113_4_2_DATA_beyond_SETTINGS_MAX_FRAME_SIZE_is_an_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.Data(id, new byte[16_385]));

        // A stream error would do, too (the frame changes no state of the connection).
        var frame = await front.Client.ExpectAsync(static f => f.Type is Http2FrameType.GoAway or Http2FrameType.Reset, "GOAWAY or RST_STREAM");
        frame.Error.Should().Be(Http2ErrorCode.FrameSizeError);
    }

    [Theory]
    [InlineData("index 0", "80")]
    [InlineData("an index that is in no table", "be")]
    [InlineData("a table larger than allowed", "3fe21f")]
    [InlineData("a size update behind a field", "8220")]
    [InlineData("an integer without an end", "ffffffffffffffffffff")]
    [InlineData("an integer that is cut off", "7f")]
    [InlineData("a string that is cut off", "4005616263")]
    [InlineData("the end of the string in a string", "40016184ffffffff")]
    [InlineData("padding that is too long", "4001618207ff")]
    [InlineData("padding of zeros", "4001618160")]
    public async Task Rfc9113_4_3_a_block_that_cannot_be_decoded_is_a_connection_error(string what, string block)
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.HeaderBlock(1, Convert.FromHexString(block), endStream: true));

        (await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.CompressionError)).LastStreamId.Should().BeLessThan(3, what);
    }

    [Fact]
    public async Task Rfc9113_4_3_trailers_that_cannot_be_decoded_are_a_connection_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.HeaderBlock(id, [0x80], endStream: true));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.CompressionError);
    }

    [Fact]
    public async Task Rfc9113_4_3_blocks_of_streams_that_were_reset_keep_the_table_in_step()
    {
        await using var front = await Http2Front.StartAsync();
        var first = new HpackBlock().Indexed(2).Indexed(6).Indexed(4).Literal(":authority", "localhost").Added("x-kept", "by the table").ToBytes();

        // Stream 1 is malformed by the connection field, stream 3 uses what its block added to the table.
        await front.Client.SendAsync(
            Http2Frames.HeaderBlock(1, [.. first, .. new HpackBlock().Literal("connection", "close").ToBytes()], endStream: true),
            Http2Frames.HeaderBlock(3, new HpackBlock().Indexed(2).Indexed(6).Indexed(4).Literal(":authority", "localhost").Indexed(62).ToBytes(), endStream: true));

        var echo = EchoedRequest.FromJson((await front.Client.ReadResponseAsync(3)).BodyText);
        echo.Headers["x-kept"].Should().Be("by the table");
    }

    [Fact]
    public async Task Rfc9113_4_3_1_the_table_may_be_made_smaller_and_larger_at_the_beginning_of_a_block()
    {
        await using var front = await Http2Front.StartAsync();
        HpackBlock Get() => new HpackBlock().Indexed(2).Indexed(6).Indexed(4).Literal(":authority", "localhost");

        await front.Client.SendAsync(
            Http2Frames.HeaderBlock(1, Get().Added("x-a", "1").ToBytes(), endStream: true),
            Http2Frames.HeaderBlock(3, [.. new HpackBlock().TableSize(0).TableSize(4096).ToBytes(), .. Get().Added("x-b", "2").ToBytes()], endStream: true),
            Http2Frames.HeaderBlock(5, Get().Indexed(62).ToBytes(), endStream: true));

        EchoedRequest.FromJson((await front.Client.ReadResponseAsync(5)).BodyText).Headers["x-b"].Should().Be("2");
    }

    [Fact]
    public async Task Rfc9113_4_3_1_a_smaller_table_of_the_client_is_followed()
    {
        await using var front = await Http2Front.StartAsync();
        (await front.Client.GetAsync()).Status.Should().Be(200);

        // The client's decoder demands a size update after the acknowledgement, and forgets what no longer fits.
        await front.Client.SendSettingsAsync(new Http2Setting(Http2SettingId.HeaderTableSize, 0));
        await front.Client.ExpectSettingsAckAsync();

        (await front.Client.GetAsync("/1")).Status.Should().Be(200);
        await front.Client.SendSettingsAsync(new Http2Setting(Http2SettingId.HeaderTableSize, 4096));
        await front.Client.ExpectSettingsAckAsync();
        (await front.Client.GetAsync("/2")).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_4_3_1_a_client_that_does_not_follow_a_smaller_table_gets_a_connection_error()
    {
        await using var front = await Http2Front.StartAsync(options: static o => o with { HpackTableSize = 0 });

        // The client has acknowledged a table of 0 bytes, and its block says nothing of it.
        await front.Client.SendAsync(Http2Frames.Headers(1, Http2Fields.Get(), endStream: true));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.CompressionError);
    }

    [Fact]
    public async Task Rfc9113_5_5_an_unknown_frame_inside_a_header_block_is_a_connection_error()
    {
        await using var front = await Http2Front.StartAsync();
        var block = HpackBlock.Of(Http2Fields.Get());

        await front.Client.SendAsync(
            Http2Frames.HeaderBlock(1, block[..4], endStream: true, endHeaders: false), Http2Frames.Raw(0xbb, 0, 0, 1), Http2Frames.Continuation(1, block[4..]));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task Rfc9113_5_4_1_GOAWAY_names_the_last_stream_and_the_connection_ends()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        await front.Client.OpenAsync(Http2Fields.Get());
        var last = await front.Client.OpenAsync(Http2Fields.Get());
        await front.Backend.WaitForRequestsAsync(2);

        await front.Client.SendAsync(Http2Frames.Raw((int)Http2FrameType.Ping, 0, 0, 1));

        (await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.FrameSizeError)).LastStreamId.Should().Be(last);
    }
}

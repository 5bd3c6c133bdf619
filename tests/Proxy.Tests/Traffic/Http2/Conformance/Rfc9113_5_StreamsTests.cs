using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 section 5.1: the states of streams and their numbers.</summary>
public sealed class Rfc9113_5_StreamsTests
{
    [Theory]
    [InlineData((int)Http2FrameType.Data, 4)]
    [InlineData((int)Http2FrameType.Reset, 4)]
    [InlineData((int)Http2FrameType.WindowUpdate, 4)]
    [InlineData((int)Http2FrameType.Continuation, 4)]
    public async Task Rfc9113_5_1_a_frame_on_an_idle_stream_is_a_connection_error(int type, int length)
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.Raw(type, 0, 1, [.. new byte[length - 1], 1]));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task Rfc9113_5_1_PRIORITY_may_come_on_an_idle_and_on_a_closed_stream()
    {
        await using var front = await Http2Front.StartAsync();
        (await front.Client.GetAsync()).Status.Should().Be(200);

        await front.Client.SendAsync(Http2Frames.Priority(1), Http2Frames.Priority(5, dependency: 3), Http2Frames.Priority(7, dependency: 0x80000001));

        await front.MustServeAsync(requestsBefore: 1);
    }

    [Fact]
    public async Task Rfc9113_5_1_DATA_after_the_end_of_a_request_is_a_stream_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: true);

        await front.Client.SendAsync(Http2Frames.Data(id, "more"));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.StreamClosed);
    }

    [Fact]
    public async Task Rfc9113_5_1_HEADERS_after_the_end_of_a_request_are_a_stream_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: true);

        await front.Client.SendAsync(Http2Frames.Headers(id, [new("x-late", "1")], endStream: true));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.StreamClosed);
    }

    [Fact]
    public async Task Rfc9113_5_1_WINDOW_UPDATE_PRIORITY_and_RST_STREAM_may_follow_the_end_of_a_request()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.InTurn(BackendScripts.AnswerNothing(), BackendScripts.Echo()));
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        var backend = await front.Backend.WaitForConnectionAsync(1);

        await front.Client.SendAsync(Http2Frames.WindowUpdate(id, 1), Http2Frames.Priority(id), Http2Frames.Reset(id));

        await backend.Ended.WaitAsync();
        await front.Client.PingAsync();
        front.Client.TakePending().Should().NotContain(f => f.Type == Http2FrameType.Reset, "section 5.4.2: no RST_STREAM in response to RST_STREAM");
        (await front.Client.GetAsync("/next")).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_5_1_WINDOW_UPDATE_and_RST_STREAM_may_come_on_a_closed_stream()
    {
        await using var front = await Http2Front.StartAsync();
        (await front.Client.GetAsync()).Status.Should().Be(200);

        await front.Client.SendAsync(Http2Frames.WindowUpdate(1, 100), Http2Frames.Reset(1));

        await front.MustServeAsync(requestsBefore: 1);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Rfc9113_5_1_a_frame_on_a_closed_stream_is_discarded_or_STREAM_CLOSED(bool isData, bool wasReset)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.InTurn(wasReset ? BackendScripts.Hang() : BackendScripts.Echo(), BackendScripts.Echo()));
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: !wasReset);
        if (wasReset)
        {
            await front.Client.SendAsync(Http2Frames.Reset(id));
        }
        else
        {
            await front.Client.ReadResponseAsync(id);
        }

        var seen = front.Backend.Requests.Count;
        await front.Client.SendAsync(isData ? Http2Frames.Data(id, "late") : Http2Frames.Headers(id, Http2Fields.Get("/again"), endStream: true), Http2Frames.Ping(7));

        var frame = await front.Client.ExpectAsync(f => f.IsAck || f.Type is Http2FrameType.GoAway || (f.Type == Http2FrameType.Reset && f.StreamId == id), "the answer");
        (frame.IsAck || frame.Error == Http2ErrorCode.StreamClosed || (!isData && frame.Error == Http2ErrorCode.ProtocolError)).Should().BeTrue(frame.ToString());
        front.Backend.Requests.Count.Should().Be(seen);
    }

    [Fact]
    public async Task Rfc9113_5_1_1_streams_of_a_client_are_odd()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.Headers(2, Http2Fields.Get(), endStream: true));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
        front.Backend.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_5_1_1_stream_ids_must_grow()
    {
        await using var front = await Http2Front.StartAsync();
        front.Client.NextStreamId = 5;
        (await front.Client.GetAsync()).Status.Should().Be(200);

        await front.Client.SendAsync(Http2Frames.Headers(3, Http2Fields.Get(), endStream: true));

        var error = (await front.Client.ExpectAsync(Http2FrameType.GoAway)).Error;
        error.Should().BeOneOf([Http2ErrorCode.ProtocolError, Http2ErrorCode.StreamClosed], "a stream that was skipped is closed");
        await front.Client.ExpectEndAsync();
        front.Backend.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task Rfc9113_5_1_1_stream_ids_may_skip_up_to_the_last_one()
    {
        await using var front = await Http2Front.StartAsync();
        front.Client.NextStreamId = 1001;
        (await front.Client.GetAsync()).Status.Should().Be(200);
        front.Client.NextStreamId = int.MaxValue;

        (await front.Client.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_5_1_1_HEADERS_on_stream_0_are_a_connection_error()
    {
        await using var front = await Http2Front.StartAsync();

        await front.Client.SendAsync(Http2Frames.Headers(0, Http2Fields.Get(), endStream: true));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task Rfc9113_5_1_2_a_stream_beyond_SETTINGS_MAX_CONCURRENT_STREAMS_is_refused()
    {
        var gate = new Signal();
        await using var front = await Http2Front.StartAsync(BackendScripts.AnswerAfter(gate, 200, "ok"), static o => o with { MaxConcurrentStreams = 2 });
        front.Client.PeerSettings[Http2SettingId.MaxConcurrentStreams].Should().Be(2);
        var (first, second) = (await front.Client.OpenAsync(Http2Fields.Get()), await front.Client.OpenAsync(Http2Fields.Get()));
        var third = await front.Client.OpenAsync(Http2Fields.Get("/third"));

        await front.Client.ExpectStreamErrorAsync(third, Http2ErrorCode.RefusedStream);
        gate.Set();

        (await front.Client.ReadResponseAsync(first)).Status.Should().Be(200);
        (await front.Client.ReadResponseAsync(second)).Status.Should().Be(200);
        (await front.Client.GetAsync("/fourth")).Status.Should().Be(200);
        front.Backend.Requests.Should().NotContain(static r => r.Target == "/third", "section 8.7: what is refused was not processed");
    }

    [Fact]
    public async Task Rfc9113_5_streams_are_answered_in_any_order_and_none_waits_for_another()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.EachRequest(static async (connection, request) =>
        {
            if (request.Target == "/hang")
            {
                await Task.Delay(Timeout.Infinite, connection.Stopping);
            }

            await connection.SendAsync(BackendScripts.ResponseText(200, request.Target, [], withBody: true));
        }));
        await front.Client.OpenAsync(Http2Fields.Get("/hang"));
        var ids = new List<int>();
        for (var i = 0; i < 50; i++)
        {
            ids.Add(await front.Client.OpenAsync(Http2Fields.Get($"/{i}")));
        }

        foreach (var (i, id) in ids.Index().Reverse())
        {
            (await front.Client.ReadResponseAsync(id)).BodyText.Should().Be($"/{i}");
        }
    }

    [Fact]
    public async Task Rfc9113_5_1_a_stream_stays_idle_however_many_others_were_broken_off()
    {
        await using var front = await Http2Front.StartAsync();
        var fields = Http2Fields.Post("/", Enumerable.Range(0, 101).Select(static i => new RawHeader($"x-{i}", "1")));
        for (var i = 0; i < 300; i++)
        {
            var id = await front.Client.OpenAsync(fields, endStream: false);
            (await front.Client.ReadResponseAsync(id)).Status.Should().Be(431);
        }

        await front.Client.SendAsync(Http2Frames.Data(9999, "x"));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.ProtocolError);
    }
}

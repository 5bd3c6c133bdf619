using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 of the proxy as a client: connections and frames. The backend holds every frame that it is sent to the RFC.</summary>
public sealed class Rfc9113_UpstreamConnectionTests
{
    /// <summary>Frames of a server that end the connection, sent when stream 1 has been asked for, and the code that they end it with.</summary>
    private static readonly Dictionary<string, (Http2ErrorCode Error, Http2Frame[] Frames)> Fatal = new(StringComparer.Ordinal)
    {
        ["4.2 a frame that is too long"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(1, 4, 1, new byte[16_385])]),
        ["4.3 a block that cannot be decoded"] = (Http2ErrorCode.CompressionError, [Http2Frames.HeaderBlock(1, [0x80], endStream: true)]),
        ["4.3 a table that is larger than allowed"] = (Http2ErrorCode.CompressionError, [Http2Frames.HeaderBlock(1, [.. new HpackBlock().TableSize(1 << 20).ToBytes(), 0x88], endStream: true)]),
        ["5.1 DATA on an idle stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Data(99, "x")]),
        ["5.1 HEADERS on an idle stream of the server"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Headers(2, Http2Fields.Response(200), endStream: true)]),
        ["5.1 HEADERS on an idle stream of the client"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Headers(99, Http2Fields.Response(200), endStream: true)]),
        ["5.1 RST_STREAM on an idle stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Reset(99)]),
        ["5.1 WINDOW_UPDATE on an idle stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.WindowUpdate(99, 1)]),
        ["5.5 an unknown frame inside a header block"] = (Http2ErrorCode.ProtocolError, [Http2Frames.HeaderBlock(1, [0x88], endHeaders: false), Http2Frames.Raw(0xbb, 0, 0)]),
        ["6.1 DATA on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Data(0, "x")]),
        ["6.1 padding longer than the payload"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Headers(1, Http2Fields.Response(200)), Http2Frames.Raw(0, 8, 1, 9, 0, 0)]),
        ["6.2 HEADERS on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Headers(0, Http2Fields.Response(200))]),
        ["6.3 PRIORITY on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Priority(0)]),
        ["6.4 RST_STREAM on stream 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Reset(0)]),
        ["6.4 RST_STREAM of three bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(3, 0, 1, 0, 0, 0)]),
        ["6.5 an acknowledgement with a payload"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(4, 1, 0, 0, 4, 0, 0, 0, 1)]),
        ["6.5 SETTINGS on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(4, 0, 1)]),
        ["6.5 SETTINGS of five bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(4, 0, 0, 0, 4, 0, 0, 1)]),
        ["6.5.2 ENABLE_PUSH of 1"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.EnablePush, 1)]),
        ["6.5.2 INITIAL_WINDOW_SIZE of 2³¹"] = (Http2ErrorCode.FlowControlError, [Http2Frames.Settings(Http2SettingId.InitialWindowSize, 0x80000000)]),
        ["6.5.2 MAX_FRAME_SIZE of 0"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.MaxFrameSize, 0)]),
        ["RFC 8441 3 ENABLE_CONNECT_PROTOCOL of 2"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Settings(Http2SettingId.EnableConnectProtocol, 2)]),
        ["6.6 PUSH_PROMISE, which SETTINGS forbade"] = (Http2ErrorCode.ProtocolError, [Http2Frames.PushPromise(1, 2, HpackBlock.Of(Http2Fields.Get()))]),
        ["6.7 PING on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(6, 0, 1, new byte[8])]),
        ["6.7 PING of nine bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(6, 0, 0, new byte[9])]),
        ["6.8 GOAWAY on a stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Raw(7, 0, 1, new byte[8])]),
        ["6.9 WINDOW_UPDATE of three bytes"] = (Http2ErrorCode.FrameSizeError, [Http2Frames.Raw(8, 0, 0, 0, 0, 1)]),
        ["6.9 the connection's window grows by nothing"] = (Http2ErrorCode.ProtocolError, [Http2Frames.WindowUpdate(0, 0)]),
        ["6.9.1 the connection's window grows beyond 2³¹-1"] = (Http2ErrorCode.FlowControlError, [Http2Frames.WindowUpdate(0, int.MaxValue)]),
        ["6.10 CONTINUATION of nothing"] = (Http2ErrorCode.ProtocolError, [Http2Frames.Continuation(1, [0x88])]),
        ["6.10 CONTINUATION of another stream"] = (Http2ErrorCode.ProtocolError, [Http2Frames.HeaderBlock(1, [0x88], endHeaders: false), Http2Frames.Continuation(3, [])]),
    };

    public static TheoryData<string> FatalNames => [.. Fatal.Keys];

    [Theory]
    [MemberData(nameof(FatalNames))]
    public async Task Rfc9113_5_4_1_a_server_that_breaks_the_frame_layer_gets_GOAWAY_and_the_client_502(string name)
    {
        await using var upstream = Http2Upstream.StartRaw(async connection =>
        {
            await ReadUntilAsync(connection, static f => f.EndsStream);
            await connection.SendAsync(Fatal[name].Frames);
            await ReadUntilAsync(connection, static f => f.Type == Http2FrameType.GoAway);
        });

        (await upstream.GetAsync()).Status.Should().BeOneOf(502, 503);

        var connection = upstream.Backend.Connections[0];
        await connection.Ended.WaitAsync();
        connection.GoAway!.Error.Should().Be(Fatal[name].Error);
    }

    [Fact]
    public async Task Rfc9113_3_4_the_preface_and_SETTINGS_come_first_and_requests_wait_for_nothing()
    {
        await using var upstream = Http2Upstream.StartRaw(
            static async connection =>
            {
                // Nothing has been said here when the request comes.
                await connection.ReadPrefaceAsync();
                (await connection.ReadFrameAsync())!.Type.Should().Be(Http2FrameType.Settings);
                await ReadUntilAsync(connection, static f => f.EndsStream);
                await connection.SendAsync(Http2Frames.Settings(), Http2Frames.SettingsAck(), Http2Frames.Headers(1, Http2Fields.Response(204), endStream: true));
                await ReadUntilAsync(connection, static f => f.IsAck);
            },
            greets: false);

        (await upstream.GetAsync()).Status.Should().Be(204);
        var settings = upstream.Backend.Connections[0].Received[0].Settings;
        settings.Should().Contain(new Http2Setting(Http2SettingId.EnablePush, 0), "section 8.4: what nobody can use is forbidden");
    }

    [Fact]
    public async Task Rfc9113_3_4_a_server_that_does_not_begin_with_SETTINGS_is_no_HTTP_2_server()
    {
        await using var upstream = Http2Upstream.StartRaw(
            static async connection =>
            {
                await connection.ReadPrefaceAsync();
                await connection.SendAsync(Http2Frames.Ping());
                await ReadUntilAsync(connection, static f => f.Type == Http2FrameType.GoAway);
            },
            greets: false);

        (await upstream.GetAsync()).Status.Should().BeOneOf(502, 503);
        await upstream.Backend.Connections[0].Ended.WaitAsync();
        upstream.Backend.Connections[0].GoAway?.Error.Should().Be(Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task Rfc9113_3_4_an_answer_in_HTTP_1_1_is_a_failure()
    {
        await using var backend = ScriptedBackend.Start(static connection => connection.SendAsync("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer());
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { Protocol = KubeProxyNet.Proxy.Upstream.UpstreamProtocol.Http2 } }]);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().BeOneOf(502, 503);
    }

    [Fact]
    public async Task Rfc9113_4_1_and_5_5_what_is_not_known_is_ignored()
    {
        await using var upstream = Http2Upstream.Start(async stream =>
        {
            await stream.Connection.SendAsync(
                Http2Frames.Raw(0xbb, 0xff, stream.Id, 1, 2, 3), Http2Frames.Raw(0xbb, 0xff, 0), Http2Frames.Settings((Http2SettingId)0xfefe, 7), Http2Frames.Raw(6, 0xfe, 0, new byte[8]));
            await stream.AnswerAsync();
        });

        (await upstream.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Rfc9113_5_1_2_no_more_streams_are_open_than_the_server_allows()
    {
        var gate = new Signal();
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.After(gate, Http2Scripts.Answer()), new Http2BackendOptions { Settings = [new(Http2SettingId.MaxConcurrentStreams, 2)] });

        // The first one brings the limit home; from then on it holds.
        var first = upstream.GetAsync();
        await (await upstream.Backend.WaitForConnectionAsync(1)).SettingsAcknowledged.WaitAsync();
        var asked = Enumerable.Range(0, 10).Select(i => upstream.GetAsync($"/{i}")).Append(first).ToArray();
        gate.Set();

        (await Task.WhenAll(asked)).Should().OnlyContain(static r => r.Status == 200);

        upstream.Backend.RefusedStreams.Should().Be(0);
        upstream.Backend.Connections.Should().OnlyContain(static c => c.MostOpen <= 2);
    }

    [Fact]
    public async Task Rfc9113_5_1_streams_share_a_connection()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer());
        for (var i = 0; i < 20; i++)
        {
            (await upstream.GetAsync($"/{i}")).Status.Should().Be(200);
        }

        upstream.Backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task Rfc9113_6_7_PING_is_answered()
    {
        await using var upstream = Http2Upstream.Start(static async stream =>
        {
            await stream.Connection.SendAsync(Http2Frames.Ping(0x1122334455667788));
            await stream.Connection.WaitForFrameAsync(static f => f.IsAck && f.Type == Http2FrameType.Ping, "the answer to PING");
            await stream.AnswerAsync();
        });

        (await upstream.GetAsync()).Status.Should().Be(200);
        upstream.Backend.Connections[0].Received.Single(static f => f.Type == Http2FrameType.Ping).Payload.Should().Equal(Http2Frames.Ping(0x1122334455667788).Payload);
    }

    [Fact]
    public async Task Rfc9113_6_8_after_GOAWAY_no_stream_is_opened_and_those_that_are_open_end()
    {
        var gate = new Signal();
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(
            async stream =>
            {
                await stream.Connection.GoAwayAsync(stream.Id);
                await gate.WaitAsync(stream.Connection.Stopping);
                await stream.AnswerAsync(200, "first");
            },
            Http2Scripts.Answer(200, "second")));
        var first = upstream.GetAsync("/1");
        await upstream.Backend.WaitForStreamsAsync(1);
        await PatientlyAsync(async () => (await upstream.GetAsync("/2")).BodyText == "second" && upstream.Backend.Connections.Count == 2);
        gate.Set();

        (await first).BodyText.Should().Be("first");
        await upstream.Backend.Connections[0].Ended.WaitAsync();
        upstream.Backend.Connections[0].Streams.Should().ContainSingle();
    }

    [Fact]
    public async Task Rfc9113_6_8_streams_that_GOAWAY_does_not_name_are_asked_for_elsewhere()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(
            static async stream =>
            {
                await stream.Connection.GoAwayAsync(0);
                stream.Connection.Close();
            },
            Http2Scripts.Answer(200, "elsewhere")));

        var response = await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc");

        (response.Status, response.BodyText).Should().Be((200, "elsewhere"));
        upstream.Backend.Requests.Should().ContainSingle().Which.BodyText.Should().Be("abc");
    }

    internal static async Task ReadUntilAsync(Http2BackendConnection connection, Func<Http2Frame, bool> fits)
    {
        while (await connection.ReadFrameAsync() is { } frame && !fits(frame))
        {
            // What else comes is in the connection's record.
        }
    }

    private static Task PatientlyAsync(Func<Task<bool>> holds) => Patience.UntilAsync(holds, "a second connection");
}

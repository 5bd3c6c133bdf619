using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Conformance;

/// <summary>RFC 9113 sections 5.2 and 6.9: flow control. That no window is exceeded is what the client itself holds the proxy to.</summary>
public sealed class Rfc9113_6_9_FlowControlTests
{
    private static readonly BackendScript Long = BackendScripts.Answer(200, new string('x', 200_000));

    [Fact]
    public async Task Rfc9113_6_9_a_window_of_a_stream_that_grows_by_nothing_is_a_stream_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.WindowUpdate(id, 0));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.ProtocolError);
    }

    [Fact]
    public async Task Rfc9113_6_9_1_a_window_of_a_stream_beyond_its_largest_is_a_stream_error()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang());
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.WindowUpdate(id, int.MaxValue - 65_535), Http2Frames.WindowUpdate(id, 1));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.FlowControlError);
    }

    [Fact]
    public async Task Rfc9113_6_9_1_the_largest_windows_are_allowed()
    {
        await using var front = await Http2Front.StartAsync(Long);
        await front.Client.GiveWindowAsync(0, int.MaxValue - 65_535);
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        front.Client.GivesWindowsBack = false;
        await front.Client.GiveWindowAsync(id, int.MaxValue - 65_535 - 200_000);

        (await front.Client.ReadResponseAsync(id)).Body.Should().HaveCount(200_000);
    }

    [Fact]
    public async Task Rfc9113_6_9_1_nothing_is_sent_beyond_the_windows_and_another_stream_goes_on()
    {
        await using var front = await Http2Front.StartAsync(
            BackendScripts.EachRequest(static (connection, request) => connection.SendAsync(BackendScripts.ResponseText(200, new string('x', int.Parse(request.Target[1..])), [], withBody: true))),
            settings: new Http2Setting(Http2SettingId.InitialWindowSize, 10));
        front.Client.GivesWindowsBack = false;
        var slow = await front.Client.OpenAsync(Http2Fields.Get("/1000"));
        var data = 0;
        while (data < 10)
        {
            data += (await front.Client.ExpectAsync(Http2FrameType.Data, slow)).Payload.Length;
        }

        (await front.Client.GetAsync("/10")).BodyText.Should().Be("xxxxxxxxxx");
        front.Client.TakePending().Should().NotContain(f => f.Type == Http2FrameType.Data && f.StreamId == slow);

        await front.Client.GiveWindowAsync(slow, 990);
        while (data < 1000)
        {
            data += (await front.Client.ExpectAsync(Http2FrameType.Data, slow)).Payload.Length;
        }

        data.Should().Be(1000);
    }

    [Fact]
    public async Task Rfc9113_6_9_1_windows_of_one_byte_carry_a_response()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "hello world"), settings: new Http2Setting(Http2SettingId.InitialWindowSize, 1));

        (await front.Client.GetAsync()).BodyText.Should().Be("hello world");
    }

    [Fact]
    public async Task Rfc9113_6_9_1_the_end_of_a_response_needs_no_window()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Chunked([]), settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));

        (await front.Client.GetAsync()).Body.Should().BeEmpty();
    }

    [Fact]
    public async Task Rfc9113_6_9_1_the_window_of_the_connection_holds_all_streams()
    {
        await using var front = await Http2Front.StartAsync(Long, settings: new Http2Setting(Http2SettingId.InitialWindowSize, 1_000_000));
        front.Client.GivesWindowsBack = false;
        var (first, second) = (await front.Client.OpenAsync(Http2Fields.Get()), await front.Client.OpenAsync(Http2Fields.Get()));
        var data = 0;
        while (data < 65_535)
        {
            data += (await front.Client.ExpectAsync(Http2FrameType.Data)).Payload.Length;
        }

        data.Should().Be(65_535);
        await front.Client.PingAsync();
        front.Client.TakePending().Should().NotContain(static f => f.Type == Http2FrameType.Data);
        await front.Client.GiveWindowAsync(0, 1_000_000);
        while (data < 400_000)
        {
            data += (await front.Client.ExpectAsync(static f => f.Type == Http2FrameType.Data, "DATA")).Payload.Length;
        }

        (first, second, data).Should().Be((1, 3, 400_000));
    }

    [Fact]
    public async Task Rfc9113_6_9_2_a_smaller_initial_window_makes_windows_negative_until_they_are_positive_again()
    {
        await using var front = await Http2Front.StartAsync(Long);
        front.Client.GivesWindowsBack = false;
        await front.Client.GiveWindowAsync(0, 1_000_000);
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        var data = 0;
        while (data < 65_535)
        {
            data += (await front.Client.ExpectAsync(Http2FrameType.Data, id)).Payload.Length;
        }

        // 65,535 were sent: the window is now 1,000 - 65,535, and gets to 0, and to 7.
        await front.Client.SendSettingsAsync(new Http2Setting(Http2SettingId.InitialWindowSize, 1000));
        await front.Client.ExpectSettingsAckAsync();
        await front.Client.GiveWindowAsync(id, 64_535);
        await front.Client.PingAsync();
        front.Client.TakePending().Should().NotContain(static f => f.Type == Http2FrameType.Data);
        await front.Client.GiveWindowAsync(id, 7);

        (await front.Client.ExpectAsync(Http2FrameType.Data, id)).Payload.Should().HaveCount(7);
    }

    [Fact]
    public async Task Rfc9113_6_9_2_a_larger_initial_window_lets_streams_go_on()
    {
        await using var front = await Http2Front.StartAsync(Long, settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        front.Client.GivesWindowsBack = false;
        await front.Client.GiveWindowAsync(0, 1_000_000);
        var id = await front.Client.OpenAsync(Http2Fields.Get());
        await front.Client.ExpectAsync(Http2FrameType.Headers, id);

        await front.Client.SendSettingsAsync(new Http2Setting(Http2SettingId.InitialWindowSize, 200_000));

        var data = 0;
        while (data < 200_000)
        {
            data += (await front.Client.ExpectAsync(Http2FrameType.Data, id)).Payload.Length;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rfc9113_6_9_DATA_beyond_the_window_of_a_stream_is_a_flow_control_error(bool isPadding)
    {
        // Nothing is taken from the window while no backend takes the request.
        using var nowhere = await DeadPort.SilentAsync();
        await using var front = await Http2Front.StartAsync(options: static o => o with { InitialStreamWindow = 65_535, InitialConnectionWindow = 1_000_000, MaxStreamWindow = 65_535 }, upstream: nowhere.Port);
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        front.Client.SendWindowOf(id).Should().Be(65_535);
        await front.Client.SendBodyAsync(id, new byte[65_535], endStream: false);

        await front.Client.SendAsync(isPadding ? Http2Frames.Data(id, "", padding: 0) : Http2Frames.Data(id, "x"));

        var frame = await front.Client.ExpectAsync(static f => f.Type is Http2FrameType.GoAway or Http2FrameType.Reset, "GOAWAY or RST_STREAM");
        frame.Error.Should().Be(Http2ErrorCode.FlowControlError);
    }

    [Fact]
    public async Task Rfc9113_6_9_DATA_beyond_the_window_of_the_connection_is_a_connection_error()
    {
        using var nowhere = await DeadPort.SilentAsync();
        await using var front = await Http2Front.StartAsync(options: static o => o with { InitialStreamWindow = 1_000_000, InitialConnectionWindow = 65_535, MaxStreamWindow = 1_000_000 }, upstream: nowhere.Port);
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        front.Client.SendWindowOf(id).Should().Be(65_535);

        // The window is opened again as long as little is unread; with nobody reading that has an end. One who confirmed that windows are small would get more.
        front.Client.AnswersAutomatically = false;
        while (front.Client.SendWindowOf(0) > 0)
        {
            await front.Client.SendBodyAsync(id, new byte[front.Client.SendWindowOf(0)], endStream: false);
            await front.Client.PingAsync();
        }

        await front.Client.SendAsync(Http2Frames.Data(id, "x"));

        await front.Client.ExpectConnectionErrorAsync(Http2ErrorCode.FlowControlError);
    }

    [Fact]
    public async Task Rfc9113_6_9_what_a_request_takes_of_the_windows_is_given_back()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "ok"));
        for (var i = 0; i < 10; i++)
        {
            (await front.Client.ExchangeAsync(Http2Fields.Post(), new byte[500_000])).Status.Should().Be(200);
        }
    }

    [Fact]
    public async Task Rfc9113_6_9_padding_and_what_comes_for_streams_that_ended_is_given_back_to_the_connection()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Hang(), static o => o with { InitialConnectionWindow = 65_535 });

        // Each stream is reset with data under way, nearly all of it padding or late: in all far more than the window of the connection.
        for (var i = 0; i < 100; i++)
        {
            var id = await front.Client.OpenAsync(Http2Fields.Post($"/{i}"), endStream: false);
            var frames = Enumerable.Repeat(Http2Frames.Data(id, "x", padding: 254), 6).ToList();
            frames.Insert(3, Http2Frames.Reset(id));
            await WaitForWindowAsync(front, 6 * 256);
            front.Client.TakeWindow(id, 6 * 256);
            await front.Client.SendAsync([.. frames]);
        }

        await front.Client.PingAsync();
    }

    [Fact]
    public async Task Rfc9113_5_2_a_backend_that_does_not_read_stops_its_own_stream_alone()
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.InTurn(
            static async connection =>
            {
                await connection.ReadHeadAsync();
                await Task.Delay(Timeout.Infinite, connection.Stopping);
            },
            BackendScripts.Answer(200, "ok")));
        var stopped = await front.Client.OpenAsync(Http2Fields.Post("/stopped"), endStream: false);
        await front.Backend.WaitForConnectionAsync(1);

        // All that its window takes goes to a backend that reads none of it.
        await front.Client.SendBodyAsync(stopped, new byte[(int)front.Client.SendWindowOf(stopped)], endStream: false);

        (await front.Client.ExchangeAsync(Http2Fields.Post("/other"), new byte[300_000])).Status.Should().Be(200);
    }

    private static async Task WaitForWindowAsync(Http2Front front, int bytes)
    {
        while (front.Client.SendWindowOf(0) < bytes)
        {
            await front.Client.ExpectAsync(Http2FrameType.WindowUpdate, 0);
        }
    }

    [Fact]
    public async Task Rfc9113_6_9_1_what_padding_takes_of_a_streams_window_is_given_back_too()
    {
        const int Padding = 255;
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        long room = front.Client.PeerSettings[Http2SettingId.InitialWindowSize];

        // All but one of 257 octets is padding or says how much of it there is.
        for (var sent = 0L; sent < 2 * room; sent += 2 + Padding)
        {
            while (front.Client.SendWindowOf(id) < 2 + Padding)
            {
                await front.Client.ExpectAsync(Http2FrameType.WindowUpdate);
            }

            front.Client.TakeWindow(id, 2 + Padding);
            await front.Client.SendAsync(Http2Frames.Data(id, "x", padding: Padding));
        }

        await front.Client.SendBodyAsync(id, default, endStream: true);
        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200);
    }
}

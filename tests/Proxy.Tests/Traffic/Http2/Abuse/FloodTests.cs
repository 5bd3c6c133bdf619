using AwesomeAssertions;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Abuse;

/// <summary>Frames that cost the client next to nothing, in masses: the connection ends with ENHANCE_YOUR_CALM, and nobody else feels it.</summary>
public sealed class FloodTests
{
    private const string Abuse = "http2.inbound_abuse";
    private const string Empty = "http2.inbound_empty_frames_flood";

    private static readonly Dictionary<string, (string Stat, Func<Http2Frame[]> Frames)> Floods = new(StringComparer.Ordinal)
    {
        ["CVE-2024-27316: CONTINUATION without end"] = (Abuse, static () => [Begun(1), .. Enumerable.Range(0, 1000).Select(static i => Http2Frames.Continuation(1, HpackBlock.Of([new($"x-{i}", "1")]), endHeaders: false))]),
        ["CVE-2024-27316: CONTINUATION in large frames"] = ("http2.header_overflow", static () => [Begun(1), .. Enumerable.Repeat(Http2Frames.Continuation(1, HpackBlock.Of([new("x", new string('x', 16_000))]), endHeaders: false), 9)]),
        ["CVE-2019-9518: CONTINUATION of nothing"] = (Empty, static () => [Begun(1), .. Enumerable.Repeat(Http2Frames.Continuation(1, [], endHeaders: false), 3)]),
        ["CVE-2019-9518: DATA of nothing"] = (Empty, static () => [Http2Frames.Headers(1, Http2Fields.Post("/hang")), .. Enumerable.Repeat(Http2Frames.Data(1, ""), 3)]),
        ["CVE-2019-9518: DATA of padding"] = (Empty, static () => [Http2Frames.Headers(1, Http2Fields.Post("/hang")), .. Enumerable.Repeat(Http2Frames.Data(1, "", padding: 200), 3)]),
        ["CVE-2019-9515: SETTINGS"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.Settings(), 100)]),
        ["SETTINGS that acknowledge nothing"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.SettingsAck(), 500)]),
        ["CVE-2019-9512: PING"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.Ping(1), 1000)]),
        ["PING that answers nothing"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.Ping(1, ack: true), 1000)]),
        ["GOAWAY"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.GoAway(0), 300)]),
        ["frames that nobody knows"] = (Abuse, static () => [.. Enumerable.Repeat(Http2Frames.Raw(0xbb, 0, 0), 1000)]),
        ["CVE-2019-9513: PRIORITY"] = ("http2.inbound_priority_frames_flood", static () => [.. Enumerable.Range(0, 300).Select(static i => Http2Frames.Priority((2 * i) + 1, dependency: (uint)(2 * i) + 7))]),
        ["PRIORITY_UPDATE"] = ("http2.inbound_priority_frames_flood", static () => [.. Enumerable.Range(0, 300).Select(static i => Http2Frames.PriorityUpdate(1, $"u={i % 8}"))]),
        ["WINDOW_UPDATE of the connection"] = ("http2.inbound_window_update_frames_flood", static () => [.. Enumerable.Repeat(Http2Frames.WindowUpdate(0, 1), 100)]),
        ["CVE-2023-44487: requests that are reset at once"] = (Abuse, static () => [.. Enumerable.Range(0, 500).SelectMany(static i => (Http2Frame[])[Http2Frames.Headers((2 * i) + 1, Http2Fields.Get("/hang"), endStream: true), Http2Frames.Reset((2 * i) + 1)])]),
        ["CVE-2023-44487: requests that are never finished and reset"] = (Abuse, static () => [.. Enumerable.Range(0, 500).SelectMany(static i => (Http2Frame[])[Http2Frames.Headers((2 * i) + 1, Http2Fields.Post("/hang")), Http2Frames.Reset((2 * i) + 1)])]),
        ["CVE-2025-8671: windows that grow by nothing"] = (Abuse, static () => Provoked(static id => Http2Frames.WindowUpdate(id, 0))),
        ["CVE-2025-8671: windows that grow beyond their largest"] = (Abuse, static () => Provoked(static id => Http2Frames.WindowUpdate(id, int.MaxValue))),
        ["CVE-2025-8671: DATA behind the end"] = (Abuse, static () => Provoked(static id => Http2Frames.Data(id, "x"))),
        ["CVE-2025-8671: HEADERS behind the end"] = (Abuse, static () => Provoked(static id => Http2Frames.Headers(id, [new("x", "1")], endStream: true))),
        ["CVE-2025-8671: PRIORITY of a wrong length"] = (Abuse, static () => Provoked(static id => Http2Frames.Raw((int)Http2FrameType.Priority, 0, id, 1))),
        ["CVE-2025-8671: requests that are malformed"] = (Abuse, static () => [.. Enumerable.Range(0, 500).Select(static i => Http2Frames.Headers((2 * i) + 1, Http2Fields.Get("/", new Testing.Http.RawHeader("connection", "close")), endStream: true))]),
        ["streams that are refused"] = (Abuse, static () => [.. Enumerable.Range(0, 1400).Select(static i => Http2Frames.Headers((2 * i) + 1, Http2Fields.Get("/hang"), endStream: true))]),
    };

    public static TheoryData<string> Names => [.. Floods.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_flood_ends_its_connection_and_no_other(string name)
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer);
        var (stat, frames) = Floods[name];

        await Attack.MustEndAsync(front, client => client.SendAsync(frames()), Http2ErrorCode.EnhanceYourCalm, stat);

        front.Backend.Connections.Count.Should().BeLessThan(1100, "what is refused or taken back at once is nobody's work");
        front.Proxy.Stat("http.test.downstream_rq_active").Should().Be(0);
    }

    [Fact]
    public async Task Resets_of_streams_that_have_ended_are_few_or_the_end()
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer);
        (await front.Client.GetAsync("/1")).Status.Should().Be(200);

        await Attack.MustEndAsync(front, static client => client.SendAsync([.. Enumerable.Repeat(Http2Frames.Reset(1), 300)]), Http2ErrorCode.EnhanceYourCalm, Abuse);
    }

    [Theory]
    [InlineData("DATA")]
    [InlineData("DATA that ends")]
    [InlineData("HEADERS")]
    public async Task Frames_of_nothing_on_a_stream_that_was_answered_early_are_few_or_the_end(string kind)
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer);
        var id = await front.Client.OpenAsync(Http2Fields.Post("/", Enumerable.Range(0, 101).Select(static i => new Testing.Http.RawHeader($"x-{i}", "1"))), endStream: false);
        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(431);
        var frame = kind == "HEADERS" ? Http2Frames.HeaderBlock(id, [], endStream: true) : Http2Frames.Data(id, "", endStream: kind == "DATA that ends");

        await Attack.MustEndAsync(front, client => client.SendAsync([.. Enumerable.Repeat(frame, 1000)]), Http2ErrorCode.EnhanceYourCalm, Abuse);
    }

    [Fact]
    public async Task Answers_that_the_client_does_not_take_do_not_pile_up()
    {
        await using var front = await Http2Front.StartAsync(
            Testing.Http.BackendScripts.Answer(200, new string('x', 40_000_000)),
            static o => o with { MaxOutboundControlFrames = 50 },
            settings: new Http2Setting(Http2SettingId.InitialWindowSize, int.MaxValue));
        await front.Client.GiveWindowAsync(0, 2_000_000_000);
        await front.Client.OpenAsync(Http2Fields.Get("/large"));
        await using var bystander = await RawHttp2Client.ConnectAsync(front.Proxy.Port);
        await FillAsync(front, front.Client);

        // Nothing is read here: neither the response nor the answers.
        await front.Client.SendAsync([.. Enumerable.Repeat(Http2Frames.Ping(1), 200)]);

        await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http2.outbound_control_flood") == 1, "the end of the connection");
        await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the end of its requests");
        await bystander.PingAsync();
    }

    [Fact]
    public async Task Frames_that_wait_for_the_client_are_shown_until_it_takes_them()
    {
        await using var front = await Http2Front.StartAsync(Testing.Http.BackendScripts.Answer(200, new string('x', 12_000_000)));
        await using var slow = await RawHttp2Client.ConnectAsync(front.Proxy.Port, receiveBuffer: 4096, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, int.MaxValue));
        await slow.GiveWindowAsync(0, 2_000_000_000);
        var id = await slow.OpenAsync(Http2Fields.Get("/large"));
        slow.GivesWindowsBack = false;

        await FillAsync(front, slow);

        (await slow.ReadResponseAsync(id)).Body.Should().HaveCount(12_000_000);
        await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http2.outbound_control_frames_active") == 0, "nothing that waits");
        front.Proxy.Stat("http2.outbound_frames_active").Should().Be(0);
    }

    [Fact]
    public async Task Responses_that_the_client_does_not_take_do_not_pile_up()
    {
        await using var front = await Http2Front.StartAsync(
            Testing.Http.BackendScripts.Answer(204, "", new Testing.Http.RawHeader("x-long", new string('y', 20_000))), static o => o with { MaxOutboundFrames = 100 });
        await using var attacker = await RawHttp2Client.ConnectAsync(front.Proxy.Port, receiveBuffer: 4096);
        try
        {
            for (var i = 0; i < 5000 && front.Proxy.Stat("http2.outbound_flood") == 0; i++)
            {
                await attacker.OpenAsync(Http2Fields.Get());
                await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the response");
            }
        }
        catch (Http2EndedException)
        {
            // Cut off.
        }

        await Testing.Patience.UntilAsync(() => front.Proxy.Stat("http2.outbound_flood") == 1, "the end of the connection");
        await front.Client.PingAsync();
    }

    [Fact]
    public async Task A_client_that_works_may_ask_how_far_away_we_are()
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer);
        for (var i = 0; i < 600; i++)
        {
            (await front.Client.GetAsync("/")).Status.Should().Be(200);
            await front.Client.PingAsync();
        }
    }

    /// <summary>Waits until what stands between the two is full of a response, and an answer to PING waits behind it. Few are sent, so that they are no flood.</summary>
    private static async Task FillAsync(Http2Front front, RawHttp2Client client)
    {
        var times = 0;
        await Testing.Patience.UntilAsync(
            async () =>
            {
                if (times++ % 20 == 0)
                {
                    await client.SendAsync(Http2Frames.Ping(1));
                }

                return front.Proxy.Stat("http2.outbound_control_frames_active") > 0 && front.Proxy.Stat("http2.outbound_frames_active") > 0;
            },
            "an answer that waits");
    }

    private static Http2Frame Begun(int streamId) => Http2Frames.HeaderBlock(streamId, HpackBlock.Of(Http2Fields.Get("/hang")), endStream: true, endHeaders: false);

    /// <summary>Streams that the proxy has to reset, each by its own fault.</summary>
    private static Http2Frame[] Provoked(Func<int, Http2Frame> fault) =>
        [.. Enumerable.Range(0, 500).SelectMany(i => (Http2Frame[])[Http2Frames.Headers((2 * i) + 1, Http2Fields.Get("/hang"), endStream: true), fault((2 * i) + 1)])];
}

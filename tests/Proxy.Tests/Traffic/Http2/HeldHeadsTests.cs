using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Traffic.Http2.Abuse;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Heads and trailers that stand here until their exchanges end: they count with all else that a connection holds (docs/hardening.md).</summary>
public sealed class HeldHeadsTests
{
    private const int Streams = 100;
    private const int Bound = 1024 * 1024;

    /// <summary>What the proxy holds besides: connections to the backend, and frames that are being put together.</summary>
    private const int Besides = 128 * 1024;

    private const string Refused = "http2.header_memory_refused";

    private static readonly Func<Http2Options, Http2Options> Edge = static options => options with { MaxConcurrentStreams = Streams };

    [Fact]
    public async Task Long_heads_of_few_bytes_that_stand_still_hold_no_more_than_the_bound_and_the_streams_beyond_are_refused()
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer, Edge);
        var bomb = new Bomb(front.Client);
        for (var i = 0; i < Streams; i++)
        {
            await bomb.OpenAsync("GET", "/hang");
        }

        await front.Client.PingAsync();
        await Patience.UntilAsync(async () => await front.Proxy.Engine.RentedBytesAsync() <= Bound + Besides, "heads that have gone to the backend");
        front.Proxy.Stat("http.test.downstream_rq_active").Should().Be(Bound / BlockPool.Wide);
        front.Proxy.Stat(Refused).Should().Be(Streams - (Bound / BlockPool.Wide));
        var refusals = front.Client.TakePending().Where(static frame => frame.Type == Http2FrameType.Reset).ToArray();
        refusals.Should().HaveCount(Streams - (Bound / BlockPool.Wide)).And.OnlyContain(static frame => frame.Error == Http2ErrorCode.RefusedStream);

        // Room comes with the end of each that was taken, and those that were refused are taken then.
        await front.Client.SendAsync(Http2Frames.Reset(1));
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == (Bound / BlockPool.Wide) - 1, "the end of what was taken back");
        (await front.Client.ReadResponseAsync(await bomb.OpenAsync("GET", "/"))).Status.Should().Be(200);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3_000)]
    public async Task As_many_streams_with_ordinary_heads_stand_still_as_may_be_open(int cookie)
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer, Edge);
        for (var i = 0; i < Streams; i++)
        {
            await front.Client.OpenAsync(Http2Fields.Get("/hang", new RawHeader("x-token", new string('t', cookie))));
        }

        await Patience.UntilAsync(() => front.Proxy.Stat("cluster.backend.upstream_rq_active") == Streams, "all of them at the backend");
        front.Proxy.Stat(Refused).Should().Be(0);
    }

    [Fact]
    public async Task A_thousand_and_twenty_four_streams_with_ordinary_heads_stand_still_where_so_many_may_be_open()
    {
        const int Many = 1024;
        await using var upstream = ScriptedHttp2Backend.Start(static stream => Task.Delay(Timeout.Infinite, stream.Connection.Stopping));
        var cluster = RunningProxy.Cluster("backend", upstream.Port);
        cluster = cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [cluster], static http => http with { Codec = HttpCodec.Http2 });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        for (var i = 0; i < Many; i++)
        {
            await client.OpenAsync(Http2Fields.Get("/", new RawHeader("x-token", new string('t', 3_000))));
        }

        await client.PingAsync();
        proxy.Stat("http.test.downstream_rq_active").Should().Be(Many);
        proxy.Stat(Refused).Should().Be(0);
    }

    [Fact]
    public async Task Ordinary_heads_are_taken_however_much_waits_for_a_client_that_does_not_read()
    {
        const int Readers = 20;
        var body = new string('x', 30_000_000);
        await using var front = await Http2Front.StartAsync(
            BackendScripts.EachRequest((connection, request) => request.Target == "/hang"
                ? connection.DrainAsync()
                : connection.SendAsync(BackendScripts.ResponseText(200, body, [], withBody: true))),
            Edge,
            settings: new Http2Setting(Http2SettingId.InitialWindowSize, int.MaxValue));
        await front.Client.GiveWindowAsync(0, int.MaxValue - 65_535);
        for (var i = 0; i < Readers; i++)
        {
            await front.Client.OpenAsync(Http2Fields.Get());
        }

        await Patience.UntilAsync(() => front.Proxy.Stat("http2.pending_send_bytes") > 0, "payload that waits for the socket");
        for (var i = Readers; i < Streams; i++)
        {
            await front.Client.OpenAsync(Http2Fields.Get("/hang", new RawHeader("x-token", new string('t', 3_000))));
        }

        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == Streams, "all of them");
        front.Proxy.Stat(Refused).Should().Be(0);
        front.Client.Reset();
    }

    [Theory]
    [InlineData("answered")]
    [InlineData("answered here")]
    [InlineData("refused")]
    [InlineData("taken back")]
    [InlineData("with trailers")]
    [InlineData("with trailers and taken back")]
    [InlineData("out of time")]
    public async Task Nothing_is_counted_after_the_end_whatever_it_was(string end)
    {
        await using var front = await Http2Front.StartAsync(
            Attack.HangOrAnswer, Edge, http => end == "out of time" ? http with { RequestTimeout = TimeSpan.FromMilliseconds(20) } : http);
        var bomb = new Bomb(front.Client);
        for (var i = 0; i < 3 * Bound / BlockPool.Wide; i++)
        {
            switch (end)
            {
                case "answered":
                    (await front.Client.ReadResponseAsync(await bomb.OpenAsync("GET", "/"))).Status.Should().Be(200);
                    break;
                case "answered here":
                    (await front.Client.ReadResponseAsync(await bomb.OpenAsync("GET", "/", authority: ""))).Status.Should().Be(400);
                    break;
                case "refused":
                    (await front.Client.ReadResponseAsync(await bomb.OpenAsync("GET", "/", fields: 19, more: 110))).Status.Should().Be(431);
                    break;
                case "taken back":
                    await TakeBackAsync(front, await bomb.OpenAsync("GET", "/hang"));
                    break;
                case "with trailers":
                    (await front.Client.ReadResponseAsync(await bomb.OpenWithTrailersAsync("/"))).Status.Should().Be(200);
                    break;
                case "with trailers and taken back":
                    await TakeBackAsync(front, await bomb.OpenWithTrailersAsync("/hang"));
                    break;
                default:
                    (await front.Client.ReadResponseAsync(await bomb.OpenAsync("POST", "/", endStream: false))).Status.Should().Be(408);
                    break;
            }
        }

        front.Proxy.Stat(Refused).Should().Be(0);
    }

    [Fact]
    public async Task Trailers_for_which_there_is_no_room_end_their_stream_alone()
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer, Edge);
        var bomb = new Bomb(front.Client);
        var last = 0;
        for (var i = 0; i < Bound / BlockPool.Wide; i++)
        {
            last = await bomb.OpenWithTrailersAsync("/hang", longHead: false);
        }

        await front.Client.ExpectStreamErrorAsync(last, Http2ErrorCode.EnhanceYourCalm);
        front.Proxy.Stat(Refused).Should().Be(1);
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == (Bound / BlockPool.Wide) - 1, "the end of that stream");
        (await front.Client.GetAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Where_heads_hold_much_less_payload_waits_for_windows_and_all_of_it_comes_when_they_open()
    {
        const int Long = 14;
        const int BodyBytes = 150_000;
        var go = new Signal();
        await using var front = await Http2Front.StartAsync(
            BackendScripts.AnswerAfter(go, 200, new string('x', BodyBytes)), Edge, settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var bomb = new Bomb(front.Client);
        var ids = new List<int>();
        for (var i = 0; i < Long; i++)
        {
            ids.Add(await bomb.OpenAsync("GET", $"/{i}"));
        }

        go.Set();
        foreach (var id in ids)
        {
            await front.Client.ExpectAsync(Http2FrameType.Headers, id);
        }

        for (var i = 0; i < 20; i++)
        {
            await front.Client.PingAsync();
            front.Proxy.Stat("http2.pending_send_bytes").Should().BeLessThanOrEqualTo(Bound - (Long * BlockPool.Wide));
        }

        await front.Client.GiveWindowAsync(0, Long * BodyBytes);
        foreach (var id in ids)
        {
            // One after the other: the room that the head before leaves has to wake the next.
            await front.Client.GiveWindowAsync(id, BodyBytes);
            for (var (left, isEnd) = (BodyBytes, false); !isEnd;)
            {
                var frame = await front.Client.ExpectAsync(Http2FrameType.Data, id);
                left -= frame.Data.Length;
                isEnd = frame.EndsStream;
                left.Should().Match(static l => l >= 0).And.Match(l => !isEnd || l == 0);
            }
        }
    }

    [Fact]
    public async Task The_room_that_heads_leave_is_there_for_payload()
    {
        const int Long = 15;
        const int Few = 5;
        const int Window = 10_000;
        var body = new string('x', 150_000);
        await using var front = await Http2Front.StartAsync(
            BackendScripts.EachRequest((connection, request) => request.Target == "/hang"
                ? connection.DrainAsync()
                : connection.SendAsync(BackendScripts.ResponseText(200, body, [], withBody: true))),
            Edge,
            settings: new Http2Setting(Http2SettingId.InitialWindowSize, Window));
        front.Client.GivesWindowsBack = false;
        var bomb = new Bomb(front.Client);
        var ids = new List<int>();
        for (var i = 0; i < Long; i++)
        {
            ids.Add(await bomb.OpenAsync("GET", "/hang"));
        }

        for (var i = 0; i < Few; i++)
        {
            var id = await front.Client.OpenAsync(Http2Fields.Get());
            for (var left = Window; left > 0;)
            {
                left -= (await front.Client.ExpectAsync(Http2FrameType.Data, id)).Data.Length;
            }
        }

        front.Proxy.Stat("http2.pending_send_bytes").Should().Be(0, "what has no window stays with the backend");
        await front.Client.SendAsync([.. ids.Select(static id => Http2Frames.Reset(id))]);
        await Patience.UntilAsync(() => front.Proxy.Stat("http2.pending_send_bytes") == Few * BlockPool.Medium, "payload in the place of the heads");
    }

    private static async Task TakeBackAsync(Http2Front front, int id)
    {
        await front.Client.SendAsync(Http2Frames.Reset(id));
        await front.Client.PingAsync();
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the end of what was taken back");
    }

    /// <summary>Heads of nearly 60 kB that take some thirty bytes of the wire: one field of HPACK's table, again and again (CVE-2016-6581).</summary>
    private sealed class Bomb(RawHttp2Client client)
    {
        private const int Fields = 18;
        private const int Dynamic = 62;

        private bool _isLaid;

        public async Task<int> OpenAsync(string method, string path, bool endStream = true, string authority = "localhost", int fields = Fields, int more = 0)
        {
            var block = new HpackBlock().Literal(":method", method).Literal(":scheme", "http").Literal(":authority", authority).Literal(":path", path);
            Repeat(block, fields);
            for (var i = 0; i < more; i++)
            {
                block.Literal("x", "y");
            }

            var id = client.NextStreamId;
            client.NextStreamId += 2;
            await client.SendAsync(Http2Frames.HeaderBlock(id, block.ToBytes(), endStream));
            return id;
        }

        public async Task<int> OpenWithTrailersAsync(string path, bool longHead = true)
        {
            var id = await OpenAsync("POST", path, endStream: false, fields: longHead ? Fields : 0);
            var block = new HpackBlock();
            Repeat(block, Fields);
            await client.SendAsync(Http2Frames.HeaderBlock(id, block.ToBytes(), endStream: true));
            return id;
        }

        private void Repeat(HpackBlock block, int times)
        {
            for (var i = 0; i < times; i++)
            {
                _ = _isLaid ? block.Indexed(Dynamic) : block.Added("x-long", new string('x', 3_200));
                _isLaid = true;
            }
        }
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Abuse;

/// <summary>Clients that keep windows shut, and heads that are never finished.</summary>
public sealed class StallTests
{
    [Fact]
    public async Task The_rest_of_a_response_that_nobody_takes_is_dropped_in_time()
    {
        await using var front = await Http2Front.StartAsync(
            BackendScripts.Answer(200, "hello"), http: static http => http with { StreamIdleTimeout = TimeSpan.FromMilliseconds(100) }, settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var id = await front.Client.OpenAsync(Http2Fields.Get());

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.Cancel);

        front.Proxy.Stat("http2.tx_flush_timeout").Should().Be(1);
        front.Proxy.Stat("http2.pending_send_bytes").Should().Be(0);
        front.Proxy.Stat("http2.streams_active").Should().Be(0);
    }

    [Fact]
    public async Task Responses_behind_shut_windows_are_held_within_bounds()
    {
        const int Streams = 50;
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, new string('x', 1_000_000)), settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        for (var i = 0; i < Streams; i++)
        {
            await front.Client.OpenAsync(Http2Fields.Get($"/{i}"));
        }

        for (var i = 0; i < Streams; i++)
        {
            await front.Client.ExpectAsync(Http2FrameType.Headers);
        }

        await using var bystander = await RawHttp2Client.ConnectAsync(front.Proxy.Port);
        (await bystander.GetAsync()).Body.Should().HaveCount(1_000_000);
        front.Proxy.Stat("http2.pending_send_bytes").Should().BeInRange(1, Streams * 320 * 1024);
    }

    [Theory]
    [InlineData("half a preface")]
    [InlineData("a preface alone")]
    [InlineData("half a frame")]
    [InlineData("half a head")]
    [InlineData("half a head beside a request")]
    [InlineData("a frame that drips")]
    public async Task What_is_begun_must_be_finished_in_time(string what)
    {
        await using var front = await Http2Front.StartAsync(
            Attack.HangOrAnswer,
            http: static http => http with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(150) },
            handshake: !what.EndsWith("preface", StringComparison.Ordinal) && !what.StartsWith("a preface", StringComparison.Ordinal));
        var head = Http2Frames.HeaderBlock(3, HpackBlock.Of(Http2Fields.Get("/half"))[..3], endStream: true, endHeaders: false).ToBytes();
        switch (what)
        {
            case "half a preface":
                await front.Client.SendBytesAsync(Http2Frames.Preface[..10].ToArray());
                break;
            case "a preface alone":
                await front.Client.SendBytesAsync(Http2Frames.Preface.ToArray());
                break;
            case "half a frame":
                await front.Client.SendBytesAsync(head.AsMemory(0, 5));
                break;
            case "half a head":
                await front.Client.SendBytesAsync(head);
                break;
            case "half a head beside a request":
                await front.Client.OpenAsync(Http2Fields.Get("/hang"));
                await front.Client.SendBytesAsync(head);
                break;
            default:
                try
                {
                    foreach (var one in Http2Frames.Headers(3, Http2Fields.Get("/drip", new RawHeader("x-long", new string('x', 200))), endStream: true).ToBytes())
                    {
                        await front.Client.SendBytesAsync(new[] { one });
                        await Task.Delay(10, TestContext.Current.CancellationToken);
                    }
                }
                catch (Http2EndedException)
                {
                    // Cut off.
                }

                break;
        }

        await front.Client.ExpectEndAsync();
        front.Backend.Requests.Should().NotContain(static r => r.Target == "/drip" || r.Target == "/half");
        if (!what.Contains("preface", StringComparison.Ordinal))
        {
            front.Proxy.Stat("http.test.downstream_rq_header_timeout").Should().Be(1);
        }
    }

    [Fact]
    public async Task Frames_at_leisure_are_no_unfinished_head()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(150) });
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        for (var i = 0; i < 8; i++)
        {
            // Each comes in two pieces: part of a frame is there at every moment but the last.
            var bytes = Http2Frames.Ping(i).ToBytes();
            await front.Client.SendBytesAsync(bytes.AsMemory(0, 4));
            await Task.Delay(40, TestContext.Current.CancellationToken);
            await front.Client.SendBytesAsync(bytes.AsMemory(4));
        }

        await front.Client.SendAsync(Http2Frames.Data(id, "end", endStream: true));
        (await front.Client.ReadResponseAsync(id)).Status.Should().Be(200);
    }

    [Fact]
    public async Task After_its_last_request_a_connection_is_ended_in_order()
    {
        await using var front = await Http2Front.StartAsync(http: static http => http with { MaxRequestsPerConnection = 3 });
        for (var i = 0; i < 3; i++)
        {
            (await front.Client.GetAsync()).Status.Should().Be(200);
        }

        var goAways = (await front.Client.ExpectEndAsync()).Where(static f => f.Type == Http2FrameType.GoAway).ToArray();
        goAways.Should().HaveCount(2).And.OnlyContain(static f => f.Error == Http2ErrorCode.NoError);
        goAways[^1].LastStreamId.Should().Be(5);
    }

    [Fact]
    public async Task Work_counts_until_it_has_ended_upstream()
    {
        await using var front = await Http2Front.StartAsync(Attack.HangOrAnswer, static o => o with { MaxConcurrentStreams = 5 });
        for (var i = 0; i < 20; i++)
        {
            var id = await front.Client.OpenAsync(Http2Fields.Get("/hang"));
            await front.Client.SendAsync(Http2Frames.Reset(id));
        }

        await front.Client.PingAsync();
        front.Proxy.Stat("cluster.backend.upstream_rq_active").Should().BeLessThanOrEqualTo(5);
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the end of what was taken back");
        (await front.Client.GetAsync("/next")).Status.Should().Be(200);
    }

    [Fact]
    public async Task An_empty_last_frame_ends_a_request_at_the_backend()
    {
        await using var front = await Http2Front.StartAsync();
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);
        await front.Client.SendAsync(Http2Frames.Data(id, "abc"));
        await front.Backend.WaitForConnectionAsync(1);
        await front.Client.PingAsync();

        await front.Client.SendAsync(Http2Frames.Data(id, "", endStream: true));

        EchoedRequest.FromJson((await front.Client.ReadResponseAsync(id)).BodyText).Body.Should().Be("abc");
    }

    [Fact]
    public async Task Trailers_that_wait_behind_payload_leave_once_and_the_stream_too()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.SendHeadAsync(200);
            await stream.SendDataAsync(stream.Path + new string('x', 100));
            await stream.SendTrailersAsync(new RawHeader("x-of", stream.Path));
        });
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }], static http => http with { Codec = HttpCodec.Http2 });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 10));
        for (var round = 0; round < 10; round++)
        {
            // Two at once, whose exchanges end before their bytes have gone; objects that had left twice would now be shared.
            var (one, other) = (await client.OpenAsync(Http2Fields.Get($"/{round}a")), await client.OpenAsync(Http2Fields.Get($"/{round}b")));
            foreach (var (id, path) in new[] { (one, $"/{round}a"), (other, $"/{round}b") })
            {
                var response = await client.ReadResponseAsync(id);
                response.BodyText.Should().Be(path + new string('x', 100));
                response.Trailers["x-of"].Should().Be(path);
            }
        }

        await Patience.UntilAsync(() => proxy.Stat("http2.streams_active") == 0, "the end of all streams");
        proxy.Stat("http2.pending_send_bytes").Should().Be(0);
    }

    [Fact]
    public async Task What_a_server_no_longer_wants_of_a_request_is_forgotten()
    {
        await using var upstream = Http2Upstream.Start(
            static async stream =>
            {
                await stream.AnswerAsync(413, "large");
                await stream.ResetAsync(Http2ErrorCode.NoError);
            },
            new Http2BackendOptions { Settings = [new(Http2SettingId.InitialWindowSize, 10)], GivesWindowsBack = false });
        for (var i = 0; i < 3; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n" + new string('x', 1000));
            (await client.ReadResponseAsync()).Status.Should().Be(413);
        }

        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.http2.pending_send_bytes") == 0, "nothing that waits");
    }
}

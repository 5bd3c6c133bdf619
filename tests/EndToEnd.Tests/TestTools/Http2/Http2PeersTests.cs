using System.Net.Security;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.EndToEnd.Tests.TestTools.Http2;

/// <summary>The HTTP/2 tools that judge the proxy are judged first, against each other.</summary>
public sealed class Http2PeersTests
{
    [Fact]
    public async Task Bodies_and_trailers_go_both_ways_beyond_the_windows()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.EchoBody(new RawHeader("x-sum", "1")));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);
        var body = new byte[1_000_000];
        new Random(1).NextBytes(body);
        var id = await client.OpenAsync(Http2Fields.Post("/echo"), endStream: false);
        await client.SendBodyAsync(id, body, endStream: false);
        await client.SendAsync(Http2Frames.Headers(id, [new("x-t", "v")], endStream: true));

        var response = await client.ReadResponseAsync(id);

        response.Status.Should().Be(200);
        response.Body.Should().Equal(body);
        response.Trailers["x-sum"].Should().Be("1");
        var request = (await backend.WaitForRequestsAsync(1))[0];
        request.Should().BeEquivalentTo(new { Connection = 1, StreamId = 1, Method = "POST", Path = "/echo", Scheme = "http", Authority = "localhost" });
        request.Body.Should().Equal(body);
        request.Trailers["x-t"].Should().Be("v");
    }

    [Fact]
    public async Task Many_streams_of_one_connection_are_told_apart()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream => await stream.AnswerAsync(200, $"{(await stream.ReadRequestAsync()).Path}"));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);
        var ids = new List<int>();
        for (var i = 0; i < 200; i++)
        {
            ids.Add(await client.OpenAsync(Http2Fields.Get($"/{i}")));
        }

        foreach (var (i, id) in ids.Index().Reverse())
        {
            (await client.ReadResponseAsync(id)).BodyText.Should().Be($"/{i}");
        }
    }

    [Fact]
    public async Task It_works_over_TLS_with_ALPN()
    {
        using var authority = TestAuthority.Root();
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), new Http2BackendOptions { Certificate = authority.Issue(null, "web.test") });
        await using var client = await RawHttp2Client.ConnectTlsAsync(backend.Port, authority.Pem);

        (await client.GetAsync()).BodyText.Should().Be("ok");
        client.Secure!.NegotiatedApplicationProtocol.Should().Be(SslApplicationProtocol.Http2);
    }

    [Fact]
    public async Task Interim_heads_are_told_apart_and_a_HEAD_has_no_body()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Interim(3, 103, Http2Scripts.Answer(200, "hello")));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);

        (await client.GetAsync()).Interim.Should().HaveCount(3);
        var head = await client.ReadResponseAsync(await client.OpenAsync(Http2Fields.Request("HEAD")), isHead: true);
        head.Fields["content-length"].Should().Be("5");
        head.Body.Should().BeEmpty();
    }

    [Fact]
    public async Task A_reset_has_its_code_and_the_connection_goes_on()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.InTurn(Http2Scripts.Refuse(), Http2Scripts.Answer()));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);

        await client.ExpectStreamErrorAsync(await client.OpenAsync(Http2Fields.Get()), Http2ErrorCode.RefusedStream);
        (await client.GetAsync()).Status.Should().Be(200);

        var hanging = await client.OpenAsync(Http2Fields.Get("/hang"), endStream: false);
        await client.SendAsync(Http2Frames.Reset(hanging));
        await backend.WaitForStreamsAsync(3);
        (await backend.Connections[0].Streams[hanging].WaitForResetAsync()).Should().Be(Http2ErrorCode.Cancel);
    }

    [Fact]
    public async Task GOAWAY_leaves_the_streams_above_it_unplayed()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream =>
        {
            await stream.Connection.GoAwayAsync(stream.Id);
            await stream.ReadRequestAsync();
            await stream.AnswerAsync();
        });
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);
        var first = await client.OpenAsync(Http2Fields.Get(), endStream: false);
        await client.ExpectGoAwayAsync(Http2ErrorCode.NoError);

        await client.OpenAsync(Http2Fields.Get("/never"));
        await client.SendBodyAsync(first, default);

        (await client.ReadResponseAsync(first)).Status.Should().Be(200);
        backend.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task Streams_beyond_the_limit_are_refused()
    {
        var gate = new Signal();
        var limit = new Http2Setting(Http2SettingId.MaxConcurrentStreams, 2);
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.After(gate, Http2Scripts.Answer()), new Http2BackendOptions { Settings = [limit] });
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);
        client.PeerSettings[Http2SettingId.MaxConcurrentStreams].Should().Be(2);
        var ids = (int[])[await client.OpenAsync(Http2Fields.Get()), await client.OpenAsync(Http2Fields.Get()), await client.OpenAsync(Http2Fields.Get())];

        await client.ExpectStreamErrorAsync(ids[2], Http2ErrorCode.RefusedStream);
        gate.Set();

        (await client.ReadResponseAsync(ids[0])).Status.Should().Be(200);
        (await client.ReadResponseAsync(ids[1])).Status.Should().Be(200);
        backend.RefusedStreams.Should().Be(1);
    }

    [Fact]
    public async Task Windows_that_are_not_given_back_stop_the_sender()
    {
        await using var backend = ScriptedHttp2Backend.Start(static stream => stream.AnswerAsync(200, new string('x', 100_000)));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port, settings: new Http2Setting(Http2SettingId.InitialWindowSize, 1000));
        client.GivesWindowsBack = false;
        var id = await client.OpenAsync(Http2Fields.Get());
        await client.ExpectAsync(Http2FrameType.Headers, id);

        (await client.ExpectAsync(Http2FrameType.Data, id)).Payload.Should().HaveCount(1000);
        await client.PingAsync();
        client.TakePending().Should().BeEmpty();
        await client.GiveWindowAsync(id, 5);
        (await client.ExpectAsync(Http2FrameType.Data, id)).Payload.Should().HaveCount(5);
    }

    [Fact]
    public async Task Header_blocks_in_pieces_with_padding_and_priority_are_one()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);
        var block = HpackBlock.Of(Http2Fields.Get("/pieces"));

        await client.SendAsync(
            Http2Frames.HeaderBlock(1, block[..3], endStream: true, endHeaders: false, padding: 7, dependency: 0), Http2Frames.Continuation(1, block[3..9], endHeaders: false), Http2Frames.Continuation(1, block[9..]));

        (await client.ReadResponseAsync(1)).Status.Should().Be(200);
        backend.Requests[0].Path.Should().Be("/pieces");
        backend.Connections[0].Received.Single(static f => f.Type == Http2FrameType.Headers).Continuations.Should().Be(2);
    }

    [Theory]
    [InlineData("PING of seven bytes", 6, 0, 0, 7)]
    [InlineData("SETTINGS on a stream", 4, 0, 1, 0)]
    [InlineData("WINDOW_UPDATE of nothing", 8, 0, 0, 4)]
    [InlineData("DATA on stream 0", 0, 0, 0, 1)]
    [InlineData("DATA on an idle stream", 0, 0, 1, 1)]
    [InlineData("CONTINUATION of nothing", 9, 4, 1, 0)]
    [InlineData("a flag that is not defined", 6, 0x40, 0, 8)]
    [InlineData("a type that is not known", 0x77, 0, 0, 1)]
    [InlineData("more than 16,384 bytes", 0, 0, 1, 16_385)]
    public async Task A_peer_that_breaks_the_rules_fails_the_test(string what, int type, int flags, int stream, int length)
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer());
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);

        await client.SendAsync(Http2Frames.Raw(type, flags, stream, new byte[length]));
        await client.ExpectEndAsync();

        // The client may see the end before the backend has noted why.
        List<Exception> faults = [];
        await Patience.UntilAsync(
            () =>
            {
                faults.AddRange(backend.TakeFaults());
                return faults.Count > 0;
            },
            what);
        faults.Should().ContainSingle(what).Which.Should().BeOfType<Http2ViolationException>();
    }

    [Fact]
    public async Task A_server_that_breaks_the_rules_fails_the_test()
    {
        await using var backend = ScriptedHttp2Backend.Start(
            Http2Scripts.InTurn(
                Http2Scripts.Frames(static id => [Http2Frames.Headers(id, [new(":status", "200"), new("Upper", "1")], endStream: true)]),
                Http2Scripts.Frames(static id => [Http2Frames.Headers(id, [new("a", "1"), new(":status", "200")], endStream: true)]),
                Http2Scripts.Frames(static id => [Http2Frames.Headers(id, [new(":status", "200"), new("content-length", "2")]), Http2Frames.Data(id, "abc", endStream: true)]),
                Http2Scripts.Frames(static id => [Http2Frames.Headers(id, [new(":status", "100")], endStream: true)]),
                Http2Scripts.Frames(static id => [Http2Frames.Headers(id, [new(":status", "200"), new("connection", "close")], endStream: true)])));
        await using var client = await RawHttp2Client.ConnectAsync(backend.Port);

        for (var i = 0; i < 5; i++)
        {
            await client.Awaiting(c => c.GetAsync()).Should().ThrowAsync<Http2ViolationException>($"of response {i}");
        }
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>
/// A response that is whole before its request is, and cannot go yet: the stream waits without an exchange, and what still comes on it is neither kept nor held against
/// the peer.
/// </summary>
public sealed class EarlyResponseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_client_goes_on_sending_behind_its_answer_is_no_violation(bool hasTrailers)
    {
        // Nobody listens: the answer is the proxy's own, and no window lets its body go.
        await using var front = await Http2Front.StartAsync(
            options: static o => o with { EndsOnlyStreamOfInvalidMessage = false },
            upstream: FreePort.Take(),
            settings: new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var id = await front.Client.OpenAsync(Http2Fields.Post("/", new RawHeader("content-length", "10")), endStream: false);
        (await front.Client.ExpectAsync(Http2FrameType.Headers, id)).Fields[":status"].Should().Be("503");

        await front.Client.SendBodyAsync(id, "12345"u8.ToArray(), endStream: false);
        await front.Client.SendBodyAsync(id, "67890"u8.ToArray(), endStream: !hasTrailers);
        if (hasTrailers)
        {
            await front.Client.SendAsync(Http2Frames.Headers(id, [new("x-sum", "1")], endStream: true));
        }

        await front.Client.PingAsync();
        await front.Client.GiveWindowAsync(id, 1000);
        var text = new StringBuilder();
        for (var ended = false; !ended;)
        {
            var data = await front.Client.ExpectAsync(f => f.StreamId == id && f.Type is Http2FrameType.Data or Http2FrameType.Reset, "the rest of the answer");
            data.Type.Should().Be(Http2FrameType.Data);
            text.Append(Encoding.Latin1.GetString(data.Data.Span));
            ended = data.EndsStream;
        }

        text.ToString().Should().StartWith("upstream connect error");
        await front.Client.PingAsync();
    }

    [Fact]
    public async Task What_a_backend_goes_on_sending_behind_an_answer_that_nobody_wants_harms_no_other_stream()
    {
        // The body cannot go, so that the request is not over when its answer is dropped for another.
        var other = new Signal();
        await using var backend = ScriptedHttp2Backend.Start(
            Http2Scripts.InTurn(
                Http2Scripts.Answer(),
                async stream =>
                {
                    await stream.SendHeadAsync(503, endStream: false, new RawHeader("content-length", "10"));
                    await other.WaitAsync(stream.Connection.Stopping);
                    await stream.Connection.SendAsync(Http2Frames.Data(stream.Id, "12345"), Http2Frames.Data(stream.Id, "67890", endStream: true), Http2Frames.Headers(5, Http2Fields.Response(200), endStream: true));
                },
                stream =>
                {
                    other.Set();
                    return stream.WasReset.WaitAsync(stream.Connection.Stopping);
                }),
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.InitialWindowSize, 10)], GivesWindowsBack = false });
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.ServerError, NumRetries = 1, BackOffBase = TimeSpan.FromMilliseconds(1) } }),
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }]);

        // The windows of the backend hold from its SETTINGS on.
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        var response = await RawHttpClient.ExchangeAsync(proxy.Port, $"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{new string('x', 1000)}", "POST");

        response.Status.Should().Be(200);
        backend.Connections.Should().ContainSingle();
        (await backend.Connections[0].Streams[3].WaitForResetAsync()).Should().Be(Http2ErrorCode.Cancel, "what is left of the request is of no use");
        await backend.Connections[0].GiveWindowAsync(5, 1000);
    }

    [Fact]
    public async Task A_stream_whose_request_has_not_gone_counts_for_what_the_backend_allows()
    {
        await using var upstream = Http2Upstream.Start(
            Http2Scripts.InTurn(Http2Scripts.Answer(), static stream => stream.AnswerAsync(200, "early"), Http2Scripts.Answer(200, "late")),
            new Http2BackendOptions
            {
                Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 1), new Http2Setting(Http2SettingId.InitialWindowSize, 10)],
                GivesWindowsBack = false,
            });
        (await upstream.GetAsync()).Status.Should().Be(200);

        var early = await RawHttpClient.ExchangeAsync(upstream.Proxy.Port, $"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{new string('x', 1000)}", "POST");
        early.BodyText.Should().Be("early");
        (await upstream.GetAsync()).BodyText.Should().Be("late");

        upstream.Backend.RefusedStreams.Should().Be(0);
        upstream.Backend.Connections.Should().OnlyContain(static c => c.MostOpen <= 1);
        await upstream.Backend.Connections[0].GiveWindowAsync(3, 1000);
    }
}

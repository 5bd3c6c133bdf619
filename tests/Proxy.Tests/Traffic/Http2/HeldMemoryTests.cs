using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>What is held for peers that open no windows: a bound for each connection, whatever number of streams it has (docs/hardening.md).</summary>
public sealed class HeldMemoryTests
{
    private const int Streams = 100;
    private const int BodyBytes = 200_000;
    private const int Bound = 1024 * 1024;

    /// <summary>The head of each request and of its response, what an exchange keeps beside them, and blocks that are not full.</summary>
    private const int BytesForEachStream = 24 * 1024;

    /// <summary>Nothing here is a matter of time.</summary>
    private static readonly RouteTable Patient = RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero });

    private static readonly string Body = new('x', BodyBytes);

    [Theory]
    [InlineData(UpstreamProtocol.Http1)]
    [InlineData(UpstreamProtocol.Http2)]
    public async Task Responses_that_a_client_lets_nobody_send_are_held_within_the_bound_and_come_when_it_does(UpstreamProtocol protocol)
    {
        var go = new Signal();
        await using var first = ScriptedBackend.Start(BackendScripts.AnswerAfter(go, 200, Body));
        await using var second = ScriptedHttp2Backend.Start(Http2Scripts.After(go, Http2Scripts.Answer(200, Body)));
        var cluster = RunningProxy.Cluster("backend", protocol == UpstreamProtocol.Http1 ? first.Port : second.Port);
        await using var proxy = RunningProxy.Start(
            Patient, [cluster with { Config = cluster.Config with { Protocol = protocol } }], static http => http with { Codec = HttpCodec.Http2, UseRemoteAddress = false });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var ids = new List<int>();
        for (var i = 0; i < Streams; i++)
        {
            ids.Add(await client.OpenAsync(Http2Fields.Get($"/{i}")));
        }

        go.Set();
        foreach (var id in ids)
        {
            await client.ExpectAsync(Http2FrameType.Headers, id);
        }

        // Every response has begun, and the proxy has looked at each of them since.
        for (var i = 0; i < 20; i++)
        {
            await client.PingAsync();
            proxy.Stat("http2.pending_send_bytes").Should().BeLessThanOrEqualTo(Bound);
            var held = await proxy.Engine.RentedBytesAsync();
            var unread = protocol == UpstreamProtocol.Http2 ? 2 * new Http2Options().InitialConnectionWindow : 0;
            held.Should().BeLessThan(Bound + unread + (Streams * BytesForEachStream), "payload that waits stands in blocks which are no larger than they need be");
        }

        // A connection of its own does not feel it.
        await using var bystander = await RawHttp2Client.ConnectAsync(proxy.Port);
        (await bystander.GetAsync()).Body.Should().HaveCount(BodyBytes);

        foreach (var id in ids)
        {
            await client.GiveWindowAsync(id, BodyBytes);
        }

        await client.GiveWindowAsync(0, Streams * BodyBytes);
        foreach (var id in ids)
        {
            await ReadBodyAsync(client, id);
        }
    }

    [Theory]
    [InlineData(UpstreamProtocol.Http1)]
    [InlineData(UpstreamProtocol.Http2)]
    public async Task A_thousand_and_twenty_four_responses_that_nobody_may_send_are_held_within_the_bound(UpstreamProtocol protocol)
    {
        const int Most = 1024;
        var body = new string('x', 4_000);
        await using var first = ScriptedBackend.Start(BackendScripts.Answer(200, body));
        await using var second = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, body));
        var cluster = RunningProxy.Cluster("backend", protocol == UpstreamProtocol.Http1 ? first.Port : second.Port);
        await using var proxy = RunningProxy.Start(
            Patient, [cluster with { Config = cluster.Config with { Protocol = protocol } }], static http => http with { Codec = HttpCodec.Http2, UseRemoteAddress = false });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        for (var i = 0; i < Most; i++)
        {
            // One after the other: each is there before the next is asked for.
            await client.ExpectAsync(Http2FrameType.Headers, await client.OpenAsync(Http2Fields.Get("/")));
        }

        for (var i = 0; i < 20; i++)
        {
            await client.PingAsync();
            proxy.Stat("http2.pending_send_bytes").Should().BeInRange(480 * 1024, (496 * 1024) + (Most * 512));
        }

        await using var bystander = await RawHttp2Client.ConnectAsync(proxy.Port);
        (await bystander.GetAsync()).Body.Should().HaveCount(body.Length);
    }

    [Fact]
    public async Task Requests_that_a_backend_lets_nobody_send_are_held_within_the_bound_and_go_when_it_does()
    {
        var go = new Signal();
        await using var backend = ScriptedHttp2Backend.Start(
            async stream =>
            {
                await go.WaitAsync(stream.Connection.Stopping);
                await stream.Connection.GiveWindowAsync(stream.Id, BodyBytes);
                await stream.Connection.GiveWindowAsync(0, BodyBytes);
                await stream.AnswerAsync(200, $"{(await stream.ReadRequestAsync()).Body.Length}");
            },
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.InitialWindowSize, 0)], GivesWindowsBack = false });
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            Patient, [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }], static http => http with { Codec = HttpCodec.Http2, UseRemoteAddress = false });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        var left = new Dictionary<int, int>();
        for (var i = 0; i < Streams; i++)
        {
            left.Add(await client.OpenAsync(Http2Fields.Post($"/{i}"), endStream: false), BodyBytes);
        }

        for (var round = 0; round < 20; round++)
        {
            foreach (var id in left.Keys.ToArray())
            {
                var count = (int)Math.Min(Math.Min(16_384, left[id] - 1), client.SendWindowOf(id));
                if (count > 0)
                {
                    client.TakeWindow(id, count);
                    left[id] -= count;
                    await client.SendAsync(Http2Frames.Data(id, new byte[count]));
                }
            }

            await client.PingAsync();
            proxy.Stat("cluster.backend.http2.pending_send_bytes").Should().BeLessThanOrEqualTo(Bound);
        }

        go.Set();
        foreach (var (id, rest) in left)
        {
            await client.SendBodyAsync(id, new byte[rest]);
        }

        foreach (var id in left.Keys)
        {
            (await client.ReadResponseAsync(id)).BodyText.Should().Be($"{BodyBytes}");
        }
    }

    [Fact]
    public async Task Readers_who_do_not_come_do_not_stop_others_of_the_same_backend()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(200, new string('x', 1_000_000)));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            Patient, [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }], static http => http with { Codec = HttpCodec.Http2, UseRemoteAddress = false });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        for (var i = 0; i < Streams / 2; i++)
        {
            var id = await client.OpenAsync(Http2Fields.Get($"/{i}"));
            await client.ExpectAsync(Http2FrameType.Headers, id);
        }

        // One that comes while a connection fills up may still be stopped with it; those behind it are not.
        await using var bystanders = new DisposableCollection<RawHttp2Client>();
        var answers = new List<Task<Http2Response>>();
        var times = 0;
        await Patience.UntilAsync(
            async () =>
            {
                if (times++ % 50 == 0)
                {
                    bystanders.Add(await RawHttp2Client.ConnectAsync(proxy.Port));
                    answers.Add(bystanders[^1].GetAsync());
                }

                return answers.Find(static answer => answer.IsCompletedSuccessfully) is { } served && (await served).Body.Length == 1_000_000;
            },
            "one who is served");
        foreach (var bystander in bystanders)
        {
            bystander.Reset();
        }

        await Task.WhenAll(answers.Select(static answer => answer.ContinueWith(static _ => { }, TaskScheduler.Default)));
    }

    private static async Task ReadBodyAsync(RawHttp2Client client, int id)
    {
        for (var (left, isEnd) = (BodyBytes, false); !isEnd;)
        {
            var frame = await client.ExpectAsync(Http2FrameType.Data, id);
            left -= frame.Data.Length;
            isEnd = frame.EndsStream;
            if (isEnd)
            {
                left.Should().Be(0);
            }
        }
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Readers who do not come stop their own streams of a connection to an endpoint, and no other that is on it already.</summary>
public sealed class SlowReaderTests
{
    /// <summary>More than the connection's window, and than what sockets take.</summary>
    private const int SlowBody = 20_000_000;

    private const int FastBody = 1_000_000;

    /// <summary>Half a window of a connection is little more: from there on streams have shares.</summary>
    private const int Much = 520_000;

    /// <summary>What one stream brings at least, when it stops.</summary>
    private const int OfOne = 250_000;

    private const int Piece = 1_000;

    private static readonly int Bound = 2 * new Http2Options().InitialConnectionWindow;

    private static readonly RouteTable Patient = RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero });

    private readonly Signal _start = new();
    private readonly Signal _enough = new();
    private long _sentToSlow;
    private long _much = Much;

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(100)]
    public async Task Streams_of_clients_that_open_no_window_stop_no_other_and_what_they_leave_is_bounded(int slow)
    {
        await using var backend = ScriptedHttp2Backend.Start(PlayAsync);
        await using var proxy = Start(backend);
        await using var fast = await RawHttp2Client.ConnectAsync(proxy.Port);
        var id = await BeginFastAsync(fast);
        _much = Math.Min(Much, slow * OfOne);
        await using var idle = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        for (var i = 0; i < slow; i++)
        {
            await idle.ExpectAsync(Http2FrameType.Headers, await idle.OpenAsync(Http2Fields.Get("/slow")));
        }

        _start.Set();
        (await ReadBodyAsync(fast, id)).Should().Be(FastBody);

        backend.Connections.Should().ContainSingle();
        Interlocked.Read(ref _sentToSlow).Should().BeLessThanOrEqualTo(Bound + QueuedFor(slow));
        (await proxy.Engine.RentedBytesAsync()).Should().BeLessThan((2 * Bound) + (slow * 24 * 1024));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(40)]
    public async Task Clients_of_http1_that_do_not_read_stop_no_other(int slow)
    {
        await using var backend = ScriptedHttp2Backend.Start(PlayAsync);
        await using var proxy = Start(backend);
        await using var fast = await RawHttp2Client.ConnectAsync(proxy.Port);
        var id = await BeginFastAsync(fast);
        await using var idle = new DisposableCollection<RawHttpClient>();
        for (var i = 0; i < slow; i++)
        {
            idle.Add(await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 4096));
            await idle[i].SendAsync("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        }

        await backend.WaitForStreamsAsync(slow + 1);

        // So much of each stands in the proxy alone before it is not read any more.
        _much = slow * 256 * 1024;
        _start.Set();
        (await ReadBodyAsync(fast, id)).Should().Be(FastBody);

        backend.Connections.Should().ContainSingle();
        foreach (var client in idle)
        {
            client.Reset();
        }
    }

    [Fact]
    public async Task Readers_who_come_late_get_all_of_it_and_windows_are_as_before()
    {
        const int Slow = 12;
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.SendHeadAsync(200);
            await _start.WaitAsync(stream.Connection.Stopping);
            await stream.SendDataAsync(new byte[FastBody], endStream: true);
        });
        await using var proxy = Start(backend);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port, null, handshake: true, new Http2Setting(Http2SettingId.InitialWindowSize, 0));
        var ids = new List<int>();
        for (var i = 0; i < Slow; i++)
        {
            ids.Add(await client.OpenAsync(Http2Fields.Get("/slow")));
            await client.ExpectAsync(Http2FrameType.Headers, ids[^1]);
        }

        _start.Set();
        var connection = backend.Connections[0];
        await connection.WaitForFrameAsync(
            static frame => frame.Type == Http2FrameType.Settings && frame.Settings.Any(static s => s.Id == Http2SettingId.InitialWindowSize && s.Value < Http2Options.MinWindow), "smaller windows");
        foreach (var id in ids)
        {
            await client.GiveWindowAsync(id, FastBody);
        }

        foreach (var id in ids)
        {
            (await ReadBodyAsync(client, id)).Should().Be(FastBody);
        }

        await Patience.UntilAsync(() => connection.PeerSettings[Http2SettingId.InitialWindowSize] == new Http2Options().InitialStreamWindow, "windows as before");
        var last = await client.OpenAsync(Http2Fields.Get("/slow"));
        await client.GiveWindowAsync(last, FastBody);
        (await ReadBodyAsync(client, last)).Should().Be(FastBody);
    }

    [Fact]
    public async Task Requests_whose_endpoints_do_not_read_stop_no_other_of_their_client()
    {
        const int Stuck = 12;
        await using var backend = ScriptedHttp2Backend.Start(
            static async stream =>
            {
                if (stream.Turn == 1)
                {
                    // What stops them is what each stream may bring.
                    await stream.Connection.GiveWindowAsync(0, SlowBody);
                }

                await (stream.Path == "/stuck" ? Http2Scripts.NeverRead()(stream) : Http2Scripts.EchoBody()(stream));
            },
            new Http2BackendOptions { GivesWindowsBack = false });
        await using var proxy = Start(backend);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        for (var i = 0; i < Stuck; i++)
        {
            var id = await client.OpenAsync(Http2Fields.Post("/stuck"), endStream: false);
            await PushAsync(client, id);
        }

        (await client.ExchangeAsync(Http2Fields.Post("/fast"), new byte[10_000])).Body.Should().HaveCount(10_000);
        backend.Connections.Should().ContainSingle();
    }

    /// <summary>What stands in the proxy behind shut windows of one client's connection, whatever number of streams it has.</summary>
    private static int QueuedFor(int streams) => (512 * 1024) + (streams * 512);

    private static RunningProxy Start(ScriptedHttp2Backend backend)
    {
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        return RunningProxy.Start(Patient, [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }], static http => http with { Codec = HttpCodec.Auto, UseRemoteAddress = false });
    }

    /// <summary>Sends as much of a body as may be sent without waiting.</summary>
    private static async Task PushAsync(RawHttp2Client client, int id)
    {
        for (var count = 0; (count = (int)Math.Clamp(client.SendWindowOf(id), 0, 16_384)) > 0;)
        {
            client.TakeWindow(id, count);
            await client.SendAsync(Http2Frames.Data(id, new byte[count]));
        }

        await client.PingAsync();
    }

    /// <summary>The quick one is on the connection before anybody else.</summary>
    private static async Task<int> BeginFastAsync(RawHttp2Client client)
    {
        var id = await client.OpenAsync(Http2Fields.Get("/fast"));
        await client.ExpectAsync(Http2FrameType.Headers, id);
        return id;
    }

    private static async Task<int> ReadBodyAsync(RawHttp2Client client, int id)
    {
        for (var length = 0; ;)
        {
            var frame = await client.ExpectAsync(Http2FrameType.Data, id);
            length += frame.Data.Length;
            if (frame.EndsStream)
            {
                return length;
            }
        }
    }

    /// <summary>Slow ones are sent more than anybody holds, once they are told to; the quick one is answered when they have left much.</summary>
    private async Task PlayAsync(Http2BackendStream stream)
    {
        await stream.SendHeadAsync(200);
        if (stream.Path == "/fast")
        {
            await _enough.WaitAsync(stream.Connection.Stopping);
            await stream.SendDataAsync(new byte[FastBody], endStream: true);
            return;
        }

        await _start.WaitAsync(stream.Connection.Stopping);
        for (var left = SlowBody; left > 0; left -= Piece)
        {
            await stream.SendDataAsync(new byte[Piece]);
            if (Interlocked.Add(ref _sentToSlow, Piece) >= _much)
            {
                _enough.Set();
            }
        }
    }
}

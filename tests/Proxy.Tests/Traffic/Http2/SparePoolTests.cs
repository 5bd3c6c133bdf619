using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>What is used by many streams at once is kept for as many, and given back when they do not come again.</summary>
public sealed class SparePoolTests
{
    private const int Streams = 5_000;
    private const int Few = 1_000;
    private const int AlwaysKept = 1024;
    private const int Clients = 5;
    private const int MaxWaves = 10;

    /// <summary>Less than a block, and than an exchange: what the questions for the number themselves need.</summary>
    private const int Slack = 100;

    private static readonly RouteTable Patient = RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero });

    private Signal _go = new();
    private int _waiting;

    [Fact]
    public async Task A_second_wave_of_streams_needs_nothing_new_and_what_nobody_needs_any_more_is_given_back()
    {
        var time = new ManualClock();
        await using var backend = ScriptedHttp2Backend.Start(PlayAsync);
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        var limits = new CircuitBreakerThresholds { MaxRequests = Streams, MaxPendingRequests = Streams };
        await using var proxy = RunningProxy.Start(
            Patient,
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2, DefaultThresholds = limits } }],
            static http => http with { Codec = HttpCodec.Http2, UseRemoteAddress = false, AccessLogs = [] },
            time: time);
        await using var clients = new DisposableCollection<RawHttp2Client>();
        for (var i = 0; i < Clients; i++)
        {
            clients.Add(await RawHttp2Client.ConnectAsync(proxy.Port));
        }

        // Unoptimised builds keep their state machines on the heap: so much a stream has that finds everything there.
        await RunWaveAsync(proxy, clients, Few);
        var plain = await RunWaveAsync(proxy, clients, Few);
        await RunWaveAsync(proxy, clients, Streams);
        await WaitForSparesAsync(proxy);

        // Output waits in blocks for clients that read slowly, so that a wave may need more of them than any before. What is kept makes one of the next need nothing.
        var needed = new List<long>();
        do
        {
            needed.Add(await RunWaveAsync(proxy, clients, Streams));
        }
        while (needed[^1] >= plain + Slack && needed.Count < MaxWaves);

        needed[^1].Should().BeLessThan(plain + Slack, $"what waves needed was {string.Join(", ", needed)} bytes a stream");
        await WaitForSparesAsync(proxy);
        await Patience.UntilAsync(
            async () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(SparePools.PeriodMs));
                return (await proxy.Engine.SparesAsync()).Exchanges <= AlwaysKept;
            },
            "what nobody needs is given back");
    }

    /// <summary>The last exchange may be on its way back.</summary>
    private static Task WaitForSparesAsync(RunningProxy proxy) => Patience.UntilAsync(
        async () => (await proxy.Engine.SparesAsync()).Exchanges == Streams, "as many kept as were under way at once");

    /// <summary>Has so many streams under way at once. Returns the bytes that each needed on the worker's heap.</summary>
    private async Task<long> RunWaveAsync(RunningProxy proxy, DisposableCollection<RawHttp2Client> clients, int streams)
    {
        var before = await AllocatedAsync(proxy);
        Volatile.Write(ref _go, new Signal());
        Volatile.Write(ref _waiting, 0);
        var opened = new List<(RawHttp2Client Client, int Id)>();
        for (var i = 0; i < streams; i++)
        {
            var client = clients[i % Clients];
            opened.Add((client, await client.OpenAsync(Http2Fields.Get("/"))));
        }

        await Patience.UntilAsync(() => Volatile.Read(ref _waiting) == streams, "all streams");
        _go.Set();
        foreach (var (client, id) in opened)
        {
            (await client.ReadResponseAsync(id)).Status.Should().Be(204);
        }

        await Patience.UntilAsync(() => proxy.Stat("http.test.downstream_rq_active") == 0, "the end of all exchanges");
        return (await AllocatedAsync(proxy) - before) / streams;
    }

    /// <summary>The worker is asked, and may be slow to answer.</summary>
    private static async Task<long> AllocatedAsync(RunningProxy proxy)
    {
        long allocated = 0;
        await Patience.UntilAsync(() => Task.FromResult((allocated = proxy.Stat("server.worker_heap_allocated_bytes")) > 0), "an answer of the worker");
        return allocated;
    }

    private async Task PlayAsync(Http2BackendStream stream)
    {
        var go = Volatile.Read(ref _go);
        Interlocked.Increment(ref _waiting);
        await go.WaitAsync(stream.Connection.Stopping);
        await stream.SendHeadAsync(204, endStream: true);
    }
}

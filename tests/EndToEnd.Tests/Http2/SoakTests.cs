using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Faults;
using KubeProxyNet.EndToEnd.Tests.Resilience;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>
/// Traffic of every kind at once on HTTP/2, both sides: what should work works, memory stays where it is, and nothing is left of it at the end. The short form
/// is counted in requests; the long one takes KPN_SOAK_MINUTES, 10 unless that is set.
/// </summary>
public sealed class SoakTests
{
    private const double MaxGrowth = 1.15;

    [Fact]
    public async Task Nothing_is_left_of_resets_leaving_slow_and_failing_peers()
    {
        var (connections, streams) = LongRun.IsAsked ? (100, 100) : (10, 20);
        await using var backend = await SoakBackend.StartAsync();
        await using var proxy = await Http2Proxy.StartAsync(
            new Http2ProxyOptions { Cluster = "circuit_breakers: { thresholds: [ { max_requests: 20000, max_pending_requests: 20000, max_connections: 2000 } ] },", Log = "" }, backend.Port);
        var clients = Enumerable.Range(0, connections).Select(seed => new SoakClient(proxy.Port, seed)).ToArray();
        var watch = TimeProvider.System.GetTimestamp();
        var minutes = int.Parse(Environment.GetEnvironmentVariable("KPN_SOAK_MINUTES") ?? "10", CultureInfo.InvariantCulture);
        bool IsOver() => LongRun.IsAsked ? TimeProvider.System.GetElapsedTime(watch) >= TimeSpan.FromMinutes(minutes) : clients.Sum(static client => client.Count) >= 10_000;

        var running = Task.WhenAll(clients.Select(client => client.RunAsync(streams, IsOver)));
        var (settled, most) = await WatchAsync(proxy, clients, running, minutes);
        await running;

        clients.SelectMany(static client => client.Faults).Should().BeEmpty();
        Array.ForEach(clients, static client => client.Dispose());
        await proxy.MustBeQuietAsync();
        await proxy.WaitForStatAsync("http.http.downstream_cx_active", 0);
        await proxy.WaitForStatAsync("http2.streams_active", 0);
        await proxy.WaitForStatAsync("cluster.backend.http2.streams_active", 0);
        await proxy.WaitForStatAsync("cluster.backend.http2.pending_send_bytes", 0);
        await proxy.WaitForStatAsync("server.worker_blocks_rented", 0);
        if (LongRun.IsAsked)
        {
            most.Should().BeLessThan((long)(settled * MaxGrowth), "memory must be flat once it has settled");
        }
    }

    /// <summary>Memory in the first third, and behind it; only asked for in the long form.</summary>
    private static async Task<(long Settled, long Most)> WatchAsync(Http2Proxy proxy, SoakClient[] clients, Task running, int minutes)
    {
        var (settled, most) = (0L, 0L);
        for (var step = 0; LongRun.IsAsked && !running.IsCompleted; step++)
        {
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromMinutes(minutes) / 30, TestContext.Current.CancellationToken));
            var resident = proxy.Process.ResidentBytes();
            (settled, most) = step < 10 ? (Math.Max(settled, resident), most) : (settled, Math.Max(most, resident));
            var (blocks, goneAway) = (await proxy.StatAsync("server.worker_blocks_rented"), await proxy.StatAsync("cluster.backend.upstream_cx_close_notify"));
            LongRun.Report(string.Create(
                CultureInfo.InvariantCulture,
                $"{step}: {clients.Sum(static client => client.Count)} requests, {resident / 1e6:F1} MB resident, {blocks} blocks, {goneAway} GOAWAYs of the backend"));
        }

        return (settled, most);
    }
}

using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Faults;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.Resilience;

/// <summary>A third of the hosts vanishes in the midst of traffic, with the configuration of config/examples/envoy-resilient.yaml.</summary>
[Collection(AloneCollection.Name)]
public sealed class VanishedHostsTests
{
    private const int Hosts = 6;

    private const int Lost = Hosts / 3;

    [Fact]
    public async Task Clients_see_errors_for_a_moment_and_then_none()
    {
        var ledger = new SharedLedger();
        var backends = Enumerable.Range(0, Hosts).Select(_ => VanishingBackend.Start(ledger)).ToArray();
        await RunAsync(
            backends,
            () => Task.WhenAll(backends[..Lost].Select(static backend => backend.VanishAsync())),
            () =>
            {
                Array.ForEach(backends[..Lost], static backend => backend.Return());
                return Task.CompletedTask;
            });
    }

    [Fact]
    public async Task Also_where_the_network_drops_every_packet_of_theirs()
    {
        var ledger = new SharedLedger();
        await using var dropped = await NetworkNamespace.CreateAsync();
        VanishingBackend[] backends =
        [
            .. Enumerable.Range(0, Lost).Select(_ => VanishingBackend.Start(ledger, dropped)),
            .. Enumerable.Range(Lost, Hosts - Lost).Select(_ => VanishingBackend.Start(ledger)),
        ];
        await RunAsync(backends, dropped.SwallowAsync, dropped.ReturnAsync);
    }

    /// <summary>Traffic, in which the first third of the hosts vanishes and comes back.</summary>
    private static async Task RunAsync(VanishingBackend[] backends, Func<Task> vanish, Func<Task> comeBack)
    {
        await using var proxy = await StaticProxy.StartAsync((_, http, admin) => Example(http, admin, backends));
        await using var traffic = FaultTraffic.Start(
            proxy.HttpPort, new FaultTrafficOptions { Clients = 24, MaxBody = 2_000, Pace = TimeSpan.FromMilliseconds(20), MaxRecords = 1_000_000 });
        await traffic.WaitForMoreAsync(500);

        await vanish();
        var vanished = traffic.Elapsed;
        await Patience.UntilAsync(async () => await proxy.StatAsync("cluster.backends.membership_healthy") == Hosts - Lost, "the vanished hosts taken out");

        // The number changes before every worker has heard of it; they all turn while so many are answered.
        await traffic.WaitForMoreAsync(100);
        var settled = traffic.Elapsed;

        // Long enough that outlier detection lets them in again.
        while (LongRun.IsAsked && traffic.Elapsed < vanished + TimeSpan.FromSeconds(30))
        {
            await traffic.WaitForMoreAsync(1_000);
        }

        await traffic.WaitForMoreAsync(1_000);
        var returned = traffic.Elapsed;
        await comeBack();
        await Patience.UntilAsync(async () => await proxy.StatAsync("cluster.backends.membership_healthy") == Hosts, "all hosts in use again");
        await traffic.WaitForMoreAsync(500);

        var asked = await traffic.StopAsync();
        var failed = asked.Where(static record => !record.IsSuccess).ToArray();
        var last = failed.Length == 0 ? vanished : failed.Max(static record => record.Ended);
        LongRun.Report(
            $"{asked.Count} requests in {traffic.Elapsed.TotalSeconds:F1} s; a third of the hosts lost for {(returned - vanished).TotalSeconds:F1} s and out after "
            + $"{(settled - vanished).TotalMilliseconds:F0} ms; {failed.Length} errors, the last {(last - vanished).TotalMilliseconds:F0} ms after they vanished: "
            + string.Join(", ", failed.CountBy(static record => $"{record.Method} {record.Response?.Status}")));

        // What began after the hosts were found out has no error. In the long form the clock says it too.
        failed.Should().OnlyContain(record => record.Began <= settled);
        if (LongRun.IsAsked)
        {
            (last - vanished).Should().BeLessThanOrEqualTo(TimeSpan.FromSeconds(1));
        }

        foreach (var backend in backends)
        {
            await backend.DisposeAsync();
        }
    }

    private static string Example(int http, int admin, VanishingBackend[] backends)
    {
        var text = File.ReadAllText(Repository.File("config/examples/envoy-resilient.yaml"))
            .Replace("port_value: 10000", $"port_value: {http}", StringComparison.Ordinal)
            .Replace("port_value: 9901", $"port_value: {admin}", StringComparison.Ordinal);
        for (var i = 0; i < backends.Length; i++)
        {
            text = text.Replace($"address: 127.0.0.1, port_value: {9000 + i} ", $"address: {backends[i].EndPoint.Address}, port_value: {backends[i].Port} ", StringComparison.Ordinal);
        }

        return text;
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>Clients that let large answers pile up, against a ceiling of memory.</summary>
[Collection(AloneCollection.Name)]
public sealed class MemoryCeilingTests
{
    private const long Room = 60_000_000;

    /// <summary>Made once: a backend that is slow to make it would not show what a quick one does.</summary>
    private static readonly byte[] Large = Encoding.Latin1.GetBytes(FaultyBackend.ResponseOf(new string('x', 8_000_000)));

    [Theory]
    [InlineData(HoarderKind.Http1)]
    [InlineData(HoarderKind.Http2)]
    [InlineData(HoarderKind.Secure)]
    public async Task Memory_stays_below_its_ceiling_and_everything_is_served_again_afterwards(HoarderKind kind)
    {
        var securePort = FreePort.Take();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, request) => request.Headers[SteadyTraffic.IdHeader] is { } id
            ? connection.SendAsync(FaultyBackend.ResponseOf(FaultyBackend.AnswerTo(id, request.Body)))
            : connection.SendAsync(Large)));
        var ceiling = await WarmMemoryAsync(backend.Port) + Room;
        await using var proxy = await FaultProxy.StartAsync(backend.Port, routeTimeout: "0s", bootstrap: Ceiling(ceiling), securePort: securePort);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort, clients: 4);
        await traffic.WaitForMoreAsync(200);

        var most = 0L;
        await using var hoarders = await Hoarders.ConnectAsync(
            kind, kind == HoarderKind.Secure ? securePort : proxy.HttpPort, await File.ReadAllTextAsync(proxy.Folder.File(Bootstraps.CertificateFile)));
        await foreach (var _ in hoarders.AskAsync())
        {
            most = Math.Max(most, proxy.ResidentBytes());
        }

        await proxy.Process.WaitForLineAsync("overload: envoy.overload_actions.stop_accepting_requests sets in");
        for (var i = 0; i < 50; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20));
            most = Math.Max(most, proxy.ResidentBytes());
        }

        most.Should().BeLessThan(ceiling + (ceiling / 10));
        await hoarders.DisposeAsync();

        await UntilEndedAsync(proxy, "stop_accepting_connections");
        await UntilEndedAsync(proxy, "stop_accepting_requests");
        traffic.MarkLifted();
        await traffic.WaitForMoreAsync(200);
        var asked = await traffic.StopAsync();
        asked.Should().OnlyContain(static record => record.IsSuccess || (!record.IsAfterFault && record.Response != null && record.Response.Status == 503));
        asked.Where(static record => record.IsSuccess).Should().OnlyContain(static record => record.Response!.BodyText == record.Expected);
    }

    private static Task UntilEndedAsync(StaticProxy proxy, string action) => Patience.UntilAsync(
        async () => await proxy.StatAsync($"overload.envoy.overload_actions.{action}.active") == 0, $"the end of {action}");

    /// <summary>What a proxy has that has served the same traffic.</summary>
    private static async Task<long> WarmMemoryAsync(int backendPort)
    {
        await using var proxy = await FaultProxy.StartAsync(backendPort);
        await using var traffic = FaultTraffic.Start(proxy.HttpPort, clients: 4);
        await traffic.WaitForMoreAsync(1000);
        return proxy.ResidentBytes();
    }

    private static string Ceiling(long bytes) => $$"""
        overload_manager:
          refresh_interval: 0.1s
          resource_monitors:
          - name: heap
            typed_config: { "@type": type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig, max_heap_size_bytes: {{bytes}} }
          actions:
          - { name: envoy.overload_actions.stop_accepting_requests, triggers: [ { name: heap, threshold: { value: 0.90 } } ] }
          - { name: envoy.overload_actions.stop_accepting_connections, triggers: [ { name: heap, threshold: { value: 0.95 } } ] }
          - { name: envoy.overload_actions.reset_high_memory_stream, triggers: [ { name: heap, threshold: { value: 0.97 } } ] }
        """;
}

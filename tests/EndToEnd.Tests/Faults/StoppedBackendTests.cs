using AwesomeAssertions;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>A backend whose process is stopped: the kernel still accepts connections for it, but nothing answers.</summary>
public sealed class StoppedBackendTests
{
    [Fact]
    public async Task Requests_to_a_stopped_backend_time_out_and_those_after_its_return_succeed()
    {
        await using var backend = await StoppedBackend.StartAsync();
        await using var proxy = await FaultProxy.StartAsync(backend.Port, routeTimeout: "3s");
        await using var traffic = FaultTraffic.Start(proxy.HttpPort);
        await traffic.WaitForMoreAsync(50);

        backend.Process.Signal(ProcessSignal.Stop);
        await traffic.WaitForMoreAsync(24);
        backend.Process.Signal(ProcessSignal.Continue);
        await traffic.WaitForMoreAsync(24);
        traffic.MarkLifted();
        await traffic.WaitForMoreAsync(100);

        var asked = await traffic.StopAsync();
        TwoLedgers.ShouldBalance(asked, await backend.ExecutedAsync(), await proxy.LogAsync(asked.Count), "504 UT");
        asked.Count(static record => !record.IsSuccess).Should().BeInRange(8, 32);
    }
}

using System.Diagnostics;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>More clients than descriptors: what is accepted is served, the rest waits in the kernel's queue until there is room.</summary>
[Collection(AloneCollection.Name)]
public sealed class DescriptorTests
{
    private const int Clients = 400;

    [Theory]
    [InlineData(300)]
    [InlineData(400)]
    public async Task Every_client_is_answered_in_the_end_and_nothing_spins_meanwhile(int descriptors)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "ok"));
        await using var proxy = await FaultProxy.StartAsync(backend.Port, limits: $"ulimit -n {descriptors}");
        var mayLeave = new Signal();
        var answered = 0;
        var clients = Enumerable.Range(0, Clients).Select(async i =>
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.HttpPort);
            await client.SendAsync($"GET / HTTP/1.1\r\nhost: a\r\n{SteadyTraffic.IdHeader}: d{i}\r\n\r\n");
            var response = await client.ReadResponseAsync();
            Interlocked.Increment(ref answered);
            await mayLeave.WaitAsync();
            return response.Status;
        }).ToArray();

        await Patience.UntilAsync(() => Volatile.Read(ref answered) > 0, "the first answers");
        await Patience.UntilAsync(() => IsCalmAsync(proxy), "a second in which the proxy takes less than a quarter of a processor");
        Volatile.Read(ref answered).Should().BeLessThan(descriptors, "the limit is reached");
        mayLeave.Set();

        var statuses = await Task.WhenAll(clients);
        proxy.Process.Error.Should().Contain($"the process may open {descriptors} descriptors, which is room for ");
        (await proxy.LogAsync(Clients)).Values.Distinct().Should().Equal("200 -");
        statuses.Should().OnlyContain(static status => status == 200);
        (await proxy.GetAsync()).Status.Should().Be(200);
    }

    private static async Task<bool> IsCalmAsync(StaticProxy proxy)
    {
        var (time, began) = (proxy.ProcessorTime(), Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(1));
        return proxy.ProcessorTime() - time < Stopwatch.GetElapsedTime(began) / 4;
    }
}

using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Counters that an operator looks at when something is missing.</summary>
public sealed class StatisticsTests
{
    [Fact]
    public async Task A_route_to_an_unknown_cluster_is_counted()
    {
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("nowhere"), []);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);

        proxy.Stat("http.test.no_cluster").Should().Be(1);
    }

    [Fact]
    public async Task A_listener_counts_its_open_connections()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.ReadResponseAsync();

        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.downstream_cx_active").Should().Be(1);
        proxy.Stat($"listener.127.0.0.1_{proxy.Port}.downstream_cx_total").Should().Be(1);
    }
}

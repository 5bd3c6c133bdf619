using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Jetty took memory for as long a list of fields as the peer's SETTINGS said that it would take.</summary>
public sealed class CVE_2025_1948
{
    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData((uint)int.MaxValue)]
    [InlineData(0u)]
    public async Task What_a_client_says_that_it_takes_costs_nothing(uint most)
    {
        await using var front = await Http2Front.StartAsync(
            BackendScripts.Answer(200, "ok", new RawHeader("x-long", new string('x', 5000))),
            settings: [new Http2Setting(Http2SettingId.MaxHeaderListSize, most), new Http2Setting(Http2SettingId.HeaderTableSize, Math.Min(most, int.MaxValue))]);

        for (var i = 0; i < 3; i++)
        {
            (await front.Client.GetAsync()).Fields["x-long"].Should().HaveLength(5000);
        }
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Settings by number are told to either peer, and frames that it does not take are shown.</summary>
public sealed class CustomSettingsTests
{
    private static readonly ValueList<Http2CustomSetting> Two = new([new(0xf0f0, 7), new(0xfafa, uint.MaxValue)]);

    [Fact]
    public async Task Are_told_to_clients()
    {
        await using var front = await Http2Front.StartAsync(options: static options => options with { CustomSettings = Two });
        await front.Client.PingAsync();

        front.Client.PeerSettings[(Http2SettingId)0xf0f0].Should().Be(7);
        front.Client.PeerSettings[(Http2SettingId)0xfafa].Should().Be(uint.MaxValue);
    }

    [Fact]
    public async Task Are_told_to_endpoints()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.Answer(), cluster: static cluster => cluster with { Http2 = new Http2Options { CustomSettings = Two } });

        (await upstream.GetAsync()).Status.Should().Be(200);

        upstream.Backend.Connections[0].PeerSettings[(Http2SettingId)0xf0f0].Should().Be(7);
        upstream.Backend.Connections[0].PeerSettings[(Http2SettingId)0xfafa].Should().Be(uint.MaxValue);
    }
}

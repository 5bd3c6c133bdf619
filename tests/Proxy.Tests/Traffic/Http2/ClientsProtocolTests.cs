using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>A cluster whose endpoints are spoken to as each client speaks (<c>use_downstream_protocol_config</c>): connections of both versions in one pool.</summary>
public sealed class ClientsProtocolTests
{
    [Fact]
    public async Task Each_client_is_served_in_its_own_version_and_connections_of_both_are_kept_beside_each_other()
    {
        await using var backend = new BothVersions();
        await using var proxy = Proxy(backend.Port);
        await using var one = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var two = await RawHttp2Client.ConnectAsync(proxy.Port);
        for (var i = 0; i < 5; i++)
        {
            await one.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            (await one.ReadResponseAsync()).BodyText.Should().Be("by HTTP/1.1");
            (await two.GetAsync()).BodyText.Should().Be("by HTTP/2");
        }

        proxy.Stat("cluster.backend.upstream_cx_http1_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_http2_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(2);
    }

    [Fact]
    public async Task Requests_of_both_at_once_go_where_they_belong()
    {
        await using var backend = new BothVersions();
        await using var proxy = Proxy(backend.Port);
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        var streams = new List<int>();
        for (var i = 0; i < 20; i++)
        {
            streams.Add(await client.OpenAsync(Http2Fields.Get($"/{i}")));
        }

        var others = Enumerable.Range(0, 20).Select(_ => RawHttpClient.GetAsync(proxy.Port)).ToArray();

        foreach (var stream in streams)
        {
            (await client.ReadResponseAsync(stream)).BodyText.Should().Be("by HTTP/2");
        }

        (await Task.WhenAll(others)).Should().OnlyContain(static r => r.BodyText == "by HTTP/1.1");
        proxy.Stat("cluster.backend.upstream_cx_http2_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_http1_total").Should().BeInRange(1, 20);
    }

    [Fact]
    public async Task At_the_limit_of_connections_each_version_has_one_all_the_same()
    {
        var go = new Signal();
        await using var backend = new BothVersions(go);
        await using var proxy = Proxy(backend.Port, static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 1 } });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        var first = RawHttpClient.GetAsync(proxy.Port, "/wait");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_http1_total") == 1, "the first connection");

        // As in Envoy, which has a pool for each version, and gives the first connection of a pool whatever the limit says.
        (await client.GetAsync()).BodyText.Should().Be("by HTTP/2");
        var second = RawHttpClient.GetAsync(proxy.Port);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 1, "one that waits");
        (await client.GetAsync()).BodyText.Should().Be("by HTTP/2");
        go.Set();

        (await first).BodyText.Should().Be("by HTTP/1.1");
        (await second).BodyText.Should().Be("by HTTP/1.1");
        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(2);
    }

    [Fact]
    public async Task Connections_that_nobody_uses_of_one_version_leave_room_for_the_other()
    {
        await using var backend = new BothVersions();
        await using var proxy = Proxy(backend.Port, static cluster => cluster with { DefaultThresholds = cluster.DefaultThresholds with { MaxConnections = 1 } });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);
        for (var i = 0; i < 3; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("by HTTP/1.1");
            (await client.GetAsync()).BodyText.Should().Be("by HTTP/2");
        }

        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(2);
    }

    private static RunningProxy Proxy(int port, Func<ClusterConfig, ClusterConfig>? configure = null)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        var config = cluster.Config with { Protocol = UpstreamProtocol.Downstream };
        return RunningProxy.Start(
            RunningProxy.Everything("backend"), [cluster with { Config = configure?.Invoke(config) ?? config }], static http => http with { Codec = HttpCodec.Auto });
    }
}

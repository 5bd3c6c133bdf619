using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>
/// An endpoint that takes connections and never sends its SETTINGS. As in Envoy its connection stands once TCP (and TLS) does: requests go out at once, and what
/// bounds them, those that wait behind them too, are their own times, or PING where that is asked for.
/// </summary>
public sealed class SilentEndpointTests
{
    /// <summary>Streams before an endpoint has said how many it takes (RFC 9113 section 6.5.2).</summary>
    private const int BeforeSettings = 100;

    [Fact]
    public async Task Requests_beyond_its_first_streams_are_left_to_their_own_timeouts()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), Silent());
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.FromMilliseconds(500) }),
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }]);

        var responses = await Task.WhenAll(Enumerable.Range(0, BeforeSettings + 20).Select(_ => RawHttpClient.GetAsync(proxy.Port)));

        responses.Should().OnlyContain(static r => r.Status == 504 && r.BodyText == "upstream request timeout");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 0, "nobody that waits");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_active") == 0, "nothing under way");
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().Be(0);
    }

    [Fact]
    public async Task PING_ends_its_connection_for_all_of_them_where_that_is_asked_for()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Answer(), Silent());
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero }),
            [
                cluster with
                {
                    Config = cluster.Config with
                    {
                        Protocol = UpstreamProtocol.Http2,
                        Http2 = new Http2Options { Keepalive = new Http2Keepalive { Interval = TimeSpan.FromMilliseconds(50), Timeout = TimeSpan.FromMilliseconds(100) } },
                        DefaultThresholds = cluster.Config.DefaultThresholds with { MaxConnections = 1 },
                    },
                },
            ]);

        var responses = await Task.WhenAll(Enumerable.Range(0, BeforeSettings + 20).Select(_ => RawHttpClient.GetAsync(proxy.Port)));

        responses.Should().OnlyContain(static r => r.Status == 503);
        proxy.Stat("cluster.backend.http2.keepalive_timeout").Should().BeGreaterThanOrEqualTo(2, "who waited gets the next connection, which is as silent");
    }

    private static Http2BackendOptions Silent() => new()
    {
        Connection = static async connection =>
        {
            await connection.ReadPrefaceAsync();
            while (await connection.ReadFrameAsync() is not null)
            {
                // It takes all there is and says nothing.
            }
        },
    };
}

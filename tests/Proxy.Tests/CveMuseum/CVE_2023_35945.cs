using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>An upstream that sent RST_STREAM and GOAWAY right behind it had nghttp2, and so Envoy, keep what requests had been waiting for for ever.</summary>
public sealed class CVE_2023_35945
{
    [Theory]
    [InlineData(Http2ErrorCode.InternalError)]
    [InlineData(Http2ErrorCode.RefusedStream)]
    public async Task Nothing_is_left_of_requests_whose_connection_goes_away_behind_a_reset(Http2ErrorCode error)
    {
        await using var upstream = Http2Upstream.Start(
            stream => stream.Connection.SendAsync(Http2Frames.Reset(stream.Id, error), Http2Frames.GoAway(stream.Id)),
            new Http2BackendOptions { Settings = [new Http2Setting(Http2SettingId.MaxConcurrentStreams, 2)] });

        var responses = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => upstream.GetAsync()));

        responses.Should().OnlyContain(static response => response.Status == 503);
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_cx_active") == 0, "the end of the connections");
        upstream.Proxy.Stat("cluster.backend.http2.streams_active").Should().Be(0);
        upstream.Proxy.Stat("cluster.backend.http2.pending_send_bytes").Should().Be(0);
        upstream.Proxy.Stat("cluster.backend.upstream_rq_pending_active").Should().Be(0);
        await Patience.UntilAsync(() => upstream.Proxy.Stat("cluster.backend.upstream_rq_active") == 0, "the end of the requests");
    }
}

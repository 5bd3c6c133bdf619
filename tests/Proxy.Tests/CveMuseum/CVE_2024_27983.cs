using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;
using KubeProxyNet.Testing.Http2.Hpack;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>A client that vanished between HEADERS and its CONTINUATION brought Node.js down.</summary>
public sealed class CVE_2024_27983
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_vanishes_inside_a_header_block_leaves_nothing(bool continues)
    {
        await using var front = await Http2Front.StartAsync(BackendScripts.Answer(200, "ok"));
        for (var i = 0; i < 20; i++)
        {
            await using var client = await RawHttp2Client.ConnectAsync(front.Proxy.Port);
            await client.SendAsync(
                Http2Frames.Headers(1, Http2Fields.Get("/whole"), endStream: true),
                Http2Frames.HeaderBlock(3, HpackBlock.Of(Http2Fields.Get("/begun")), endStream: true, endHeaders: false),
                continues ? Http2Frames.Continuation(3, HpackBlock.Of([new("x-a", "1")]), endHeaders: false) : Http2Frames.Raw((int)Http2FrameType.Continuation, 0, 3));
            client.Reset();
        }

        (await front.Client.GetAsync()).Status.Should().Be(200);
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_cx_active") == 1, "the end of the others");
        await Patience.UntilAsync(() => front.Proxy.Stat("http.test.downstream_rq_active") == 0, "the end of their requests");
        front.Proxy.Stat("http2.streams_active").Should().Be(0);
        front.Backend.Requests.Should().NotContain(static request => request.Target == "/begun");
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Http2;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>Fields that came on a stream which was no more brought Envoy's new codec down.</summary>
public sealed class CVE_2024_45807
{
    [Fact]
    public async Task An_answer_on_a_stream_that_was_broken_off_is_passed_over_and_the_table_keeps_in_step()
    {
        await using var upstream = Http2Upstream.Start(Http2Scripts.InTurn(
            async stream =>
            {
                await stream.WaitForResetAsync();
                await stream.Connection.SendAsync(
                    Http2Frames.HeaderBlock(stream.Id, new Testing.Http2.Hpack.HpackBlock().Indexed(8).Added("x-late", "1").ToBytes()),
                    Http2Frames.Data(stream.Id, new byte[1000], padding: 100),
                    Http2Frames.WindowUpdate(stream.Id, 100),
                    Http2Frames.Headers(stream.Id, [new("x-trailer", "1")], endStream: true));
            },

            // Entry 62 is the one that came on the other stream.
            async stream =>
            {
                await stream.ReadRequestAsync();
                await stream.Connection.SendAsync(Http2Frames.HeaderBlock(stream.Id, new Testing.Http2.Hpack.HpackBlock().Indexed(8).Indexed(62).ToBytes(), endStream: true));
            }));
        await using (var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port))
        {
            await client.SendAsync("GET /left HTTP/1.1\r\nhost: a\r\n\r\n");
            await upstream.Backend.WaitForStreamsAsync(1);
        }

        await upstream.Backend.Connections[0].Streams[1].WaitForResetAsync();
        await upstream.Backend.Connections[0].SendAsync(Http2Frames.Ping(7));
        await upstream.Backend.Connections[0].WaitForFrameAsync(static frame => frame is { Type: Http2FrameType.Ping, IsAck: true }, "the answer to PING");

        var response = await upstream.GetAsync();

        response.Status.Should().Be(200);
        upstream.Backend.Connections.Should().ContainSingle();
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>The end of a message may come by itself, long after its last byte, in a frame without payload or as trailers: it is passed on all the same.</summary>
public sealed class LateEndTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_request(bool hasTrailers)
    {
        var isSeen = new Signal();
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.ReadAsync();
            isSeen.Set();
            await stream.ReadRequestAsync();
            await stream.AnswerAsync(200, "whole");
        });
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"),
            [cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } }],
            static http => http with { Codec = HttpCodec.Http2, Http2 = new Http2Options() });
        await using var client = await RawHttp2Client.ConnectAsync(proxy.Port);

        var id = await client.OpenAsync(Http2Fields.Post("/"), endStream: false);
        await client.SendBodyAsync(id, Encoding.ASCII.GetBytes("a"), endStream: false);
        await isSeen.WaitAsync(TestContext.Current.CancellationToken);
        await (hasTrailers ? client.SendAsync(Http2Frames.Headers(id, [new("x-sum", "1")], endStream: true)) : client.SendBodyAsync(id, default, endStream: true));

        (await client.ReadResponseAsync(id)).BodyText.Should().Be("whole");
        (await backend.WaitForRequestsAsync(1))[0].Trailers["x-sum"].Should().Be(hasTrailers ? "1" : null);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_response(bool hasTrailers)
    {
        var isRead = new Signal();
        await using var traffic = Http2Upstream.Start(
            async stream =>
            {
                await stream.ReadRequestAsync();
                await stream.SendHeadAsync(200, endStream: false);
                await stream.SendDataAsync("a");
                await isRead.WaitAsync(stream.Connection.Stopping);
                await (hasTrailers ? stream.SendTrailersAsync(new RawHeader("x-sum", "1")) : stream.SendDataAsync("", endStream: true));
            },
            http: static http => http with { EnablesTrailers = true });
        await using var client = await RawHttpClient.ConnectAsync(traffic.Proxy.Port);

        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await client.ReadHeadAsync();
        Encoding.ASCII.GetString(await client.ReadBytesAsync(6)).Should().Be("1\r\na\r\n");
        isRead.Set();

        var rest = hasTrailers ? "0\r\nx-sum: 1\r\n\r\n" : "0\r\n\r\n";
        Encoding.ASCII.GetString(await client.ReadBytesAsync(rest.Length)).Should().Be(rest);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("a");
    }
}

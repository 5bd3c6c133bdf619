using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>Trailers that are longer than a head may be end their own stream, and no other.</summary>
public sealed class TrailerLimitTests
{
    private static readonly RawHeader Long = new("x-long", new string('x', 9000));

    [Fact]
    public async Task Of_a_request()
    {
        await using var front = await Http2Front.StartAsync(options: static o => o with { EndsOnlyStreamOfInvalidMessage = false }, http: static http => http with { MaxRequestHeadBytes = 8192 });
        var id = await front.Client.OpenAsync(Http2Fields.Post(), endStream: false);

        await front.Client.SendAsync(Http2Frames.Data(id, "abc"), Http2Frames.Headers(id, [Long], endStream: true));

        await front.Client.ExpectStreamErrorAsync(id, Http2ErrorCode.InternalError);
        (await front.Client.GetAsync("/after")).Status.Should().Be(200);
        front.Proxy.Stat("http2.header_overflow").Should().Be(1);
        front.Backend.Requests.Should().ContainSingle(static r => r.Target == "/after");
    }

    [Fact]
    public async Task Of_a_response()
    {
        var isCut = new Signal();
        await using var upstream = Http2Upstream.Start(
            async stream =>
            {
                if (stream.Path == "/other")
                {
                    await isCut.WaitAsync(stream.Connection.Stopping);
                    await stream.AnswerAsync(200, "other");
                    return;
                }

                await stream.SendHeadAsync(200);
                await stream.SendDataAsync("abc");
                await stream.SendTrailersAsync(Long);
            },
            cluster: static cluster => cluster with { MaxResponseHeadBytes = 8192 });
        var other = upstream.GetAsync("/other");
        await upstream.Backend.WaitForStreamsAsync(1);
        await using var client = await RawHttpClient.ConnectAsync(upstream.Proxy.Port);

        await client.SendAsync("GET /long HTTP/1.1\r\nhost: a\r\n\r\n");

        try
        {
            (await client.ReadResponseAsync()).Status.Should().Be(502);
        }
        catch (RawFramingException)
        {
            // Its head had gone already.
        }

        isCut.Set();
        (await other).BodyText.Should().Be("other");
        upstream.Proxy.Stat("cluster.backend.http2.header_overflow").Should().Be(1);
        upstream.Backend.Connections.Should().ContainSingle();
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>What cannot become a request is refused as soon as that is certain, without the end of a line and without a deadline.</summary>
public sealed class EarlyRefusalTests
{
    [Theory]
    [InlineData("a TLS client hello", 400, "\u0016\u0003\u0001")]
    [InlineData("a byte that no method has", 400, "\0")]
    [InlineData("a method with a bracket", 400, "GE(")]
    [InlineData("a method without end", 400, "GETGETGETGETGETGETGETGETGETGETGET")]
    [InlineData("a space before the method", 400, " ")]
    [InlineData("a CR before the method", 400, "\rG")]
    [InlineData("HTTP/2's preface", 505, "PRI * HTTP/2.0\r\n")]
    [InlineData("HTTP/0.9", 400, "GET /\r\n")]
    public async Task Is_answered_at_once(string what, int status, string bytes)
    {
        await using var proxy = RunningProxy.To(0, static http => http with { Codec = HttpCodec.Http1, RequestHeadersTimeout = TimeSpan.Zero, IdleTimeout = TimeSpan.Zero });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendByteByByteAsync(bytes);

        (await client.ReadResponseAsync()).Status.Should().Be(status, what);
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        proxy.Stat("http.test.downstream_cx_protocol_error").Should().Be(1);
    }
}

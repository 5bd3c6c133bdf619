using System.Globalization;
using System.Net.Security;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Tests.Traffic.Tls;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2;

/// <summary>The example of HTTP/2 as it stands in <c>config/examples</c>.</summary>
public sealed class Http2ExampleTests
{
    [Fact]
    public async Task Both_versions_are_served_over_TLS_and_in_plain_text_from_backends_of_http_2()
    {
        var folder = Repository.File("config/examples/tls");
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.EchoBody(new RawHeader("x-sum", "1")));
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-http2.yaml"), TestContext.Current.CancellationToken);
        foreach (var (written, used) in new[] { (9901, 0), (8443, 0), (10000, 0), (9000, backend.Port), (9001, backend.Port) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        await using var proxy = await TlsProxy.StartYamlAsync(yaml.Replace("config/examples/tls", folder, StringComparison.Ordinal));

        var options = TlsProxy.Options("www.example");
        options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        await using (var secure = await RawHttp2Client.ConnectTlsAsync(proxy.PortOf("https"), options))
        {
            secure.Secure!.NegotiatedApplicationProtocol.Should().Be(SslApplicationProtocol.Http2);
            var response = await secure.GetAsync();
            response.Status.Should().Be(200);
            response.Trailers["x-sum"].Should().Be("1");
        }

        await using (var plain = await RawHttp2Client.ConnectAsync(proxy.PortOf("http")))
        {
            (await plain.GetAsync()).Status.Should().Be(200);
        }

        var older = await RawHttpClient.ExchangeAsync(proxy.PortOf("http"), "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", "POST");
        older.BodyText.Should().Be("hello");
        older.Trailers["x-sum"].Should().Be("1");
        (await proxy.StatAsync("http.ingress.downstream_cx_http2_total")).Should().Be(2);
        (await proxy.StatAsync("cluster.backends.upstream_cx_http2_total")).Should().BeGreaterThan(0);
    }
}

using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>The example of TLS that is ended here as it stands in <c>config/examples</c>.</summary>
public sealed class TlsExampleTests
{
    [Fact]
    public async Task One_name_is_for_everybody_and_the_other_for_clients_with_a_certificate()
    {
        var folder = Repository.File("config/examples/tls");
        var client = TestCertificate.Load(Path.Combine(folder, "client.pem"), Path.Combine(folder, "client.key"));
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-tls.yaml"), TestContext.Current.CancellationToken);
        foreach (var (written, used) in new[] { (9901, 0), (8443, 0), (9001, backend.Port) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        await using var proxy = await TlsProxy.StartYamlAsync(yaml.Replace("config/examples/tls", folder, StringComparison.Ordinal));
        var port = proxy.PortOf("https");

        (await StatusAsync(port, "www.example", "www.example", null)).Should().Be(200);
        (await StatusAsync(port, "api.example", "api.example", client)).Should().Be(200);
        backend.Requests[1].Headers["x-forwarded-client-cert"].Should().EndWith(";Subject=\"CN=client\";URI=spiffe://example/client");
        (await StatusAsync(port, "www.example", "api.example", null)).Should().Be(421);
        var without = () => StatusAsync(port, "api.example", "api.example", null);
        await without.Should().ThrowAsync<Exception>();
        var stranger = () => StatusAsync(port, "api.example", "api.example", TestCertificate.SelfSigned("uri:spiffe://elsewhere/shop"));
        await stranger.Should().ThrowAsync<Exception>();

        (await proxy.FailureAsync(1)).GetProperty("reason").GetString().Should().Be("peer did not return a certificate");
        (await proxy.FailureAsync(2)).GetProperty("presented_names")[0].GetString().Should().Be("URI:spiffe://elsewhere/shop");
        (await RawHttpClient.GetAsync(proxy.AdminPort, "/certs")).BodyText.Should().Contain("www.example").And.Contain("api.example");
        (await proxy.StatAsync("listener.https.ssl.fail_verify_error")).Should().Be(1);
    }

    private static async Task<int> StatusAsync(int port, string name, string host, TestCertificate? certificate)
    {
        await using var client = await RawHttpClient.ConnectTlsAsync(port, TlsProxy.Options(name, certificate));
        await client.SendAsync($"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        return (await client.ReadResponseAsync()).Status;
    }
}

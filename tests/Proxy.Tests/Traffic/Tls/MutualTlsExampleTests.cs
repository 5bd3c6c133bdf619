using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>The example of mutual TLS on both sides as it stands in <c>config/examples</c>.</summary>
public sealed class MutualTlsExampleTests
{
    private static readonly string Folder = Repository.File("config/examples/tls");

    [Fact]
    public async Task Both_sides_prove_who_they_are()
    {
        var client = TestCertificate.Load(Path.Combine(Folder, "client.pem"), Path.Combine(Folder, "client.key"));
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var front = TlsFront.Start(backend.Port, TestCertificate.Load(Path.Combine(Folder, "api.pem"), Path.Combine(Folder, "api.key")));
        front.ClientAuthority = await File.ReadAllTextAsync(Path.Combine(Folder, "ca.pem"), TestContext.Current.CancellationToken);
        await using var proxy = await StartAsync(front.Port);
        var port = proxy.PortOf("https");

        (await StatusAsync(port, client)).Should().Be(200);

        backend.Requests.Single().Headers["x-forwarded-client-cert"].Should().EndWith(";Subject=\"CN=client\";URI=spiffe://example/client");
        front.Handshakes.Should().ContainSingle();
        (await proxy.StatAsync("cluster.backend.ssl.handshake")).Should().Be(1);
        var without = () => StatusAsync(port, null);
        await without.Should().ThrowAsync<Exception>();
        var stranger = () => StatusAsync(port, TestCertificate.SelfSigned("uri:spiffe://example/client"));
        await stranger.Should().ThrowAsync<Exception>();
        backend.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task A_backend_of_another_name_gets_nothing()
    {
        var client = TestCertificate.Load(Path.Combine(Folder, "client.pem"), Path.Combine(Folder, "client.key"));
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "hello"));
        await using var front = TlsFront.Start(backend.Port, TestCertificate.Load(Path.Combine(Folder, "www.pem"), Path.Combine(Folder, "www.key")));
        await using var proxy = await StartAsync(front.Port);

        (await StatusAsync(proxy.PortOf("https"), client)).Should().Be(503);

        backend.Requests.Should().BeEmpty();
        (await proxy.StatAsync("cluster.backend.ssl.fail_verify_san")).Should().Be(1);
    }

    private static async Task<TlsProxy> StartAsync(int backendPort)
    {
        var yaml = await File.ReadAllTextAsync(Repository.File("config/examples/envoy-mtls.yaml"), TestContext.Current.CancellationToken);
        foreach (var (written, used) in new[] { (9901, 0), (8443, 0), (9443, backendPort) })
        {
            yaml = yaml.Replace(string.Create(CultureInfo.InvariantCulture, $"port_value: {written} "), string.Create(CultureInfo.InvariantCulture, $"port_value: {used} "), StringComparison.Ordinal);
        }

        return await TlsProxy.StartYamlAsync(yaml.Replace("config/examples/tls", Folder, StringComparison.Ordinal));
    }

    private static async Task<int> StatusAsync(int port, TestCertificate? certificate)
    {
        await using var client = await RawHttpClient.ConnectTlsAsync(port, TlsProxy.Options("www.example", certificate));
        await client.SendAsync("GET / HTTP/1.1\r\nhost: www.example\r\n\r\n");
        return (await client.ReadResponseAsync()).Status;
    }
}

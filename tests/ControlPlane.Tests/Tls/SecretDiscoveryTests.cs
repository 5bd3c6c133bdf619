using System.Net;
using AwesomeAssertions;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.ControlPlane.Serving;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Tests.Tls;

/// <summary>Certificates on their way from a folder to a proxy's stream.</summary>
public sealed class SecretDiscoveryTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly RecordedLog _log = new();
    private readonly TestCertificate _a = TestCertificate.SelfSigned("a.test");
    private readonly TestCertificate _b = TestCertificate.SelfSigned("b.test");
    private readonly ControlPlaneServer _server;

    public SecretDiscoveryTests() => _server = new ControlPlaneServer(
        new ControlPlaneOptions { ManifestFolder = _folder.Path, XdsAddress = new IPEndPoint(IPAddress.Loopback, 0) }, _log);

    public async ValueTask InitializeAsync()
    {
        _folder.Write("ingress.yaml", TlsManifests.Ingress("all", ("a.test", "a"), ("b.test", "b")));
        _folder.Write("a.yaml", TlsManifests.Secret("a", _a));
        _folder.Write("b.yaml", TlsManifests.Secret("b", _b));
        await _server.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_proxy_gets_the_certificates_that_it_asks_for_and_later_the_one_that_changed()
    {
        await using var proxy = new AdsConnection(_server.Address);
        await proxy.SubscribeAsync(XdsTypeUrls.Listener);
        var listeners = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(listeners);
        await proxy.SubscribeAsync(XdsTypeUrls.Secret, "default/b");
        var first = await proxy.ReceiveAsync();
        await proxy.AcceptAsync(first, "default/b");
        var next = TestCertificate.SelfSigned("b.test");
        _folder.Replace("a.yaml", TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));
        _folder.Replace("b.yaml", TlsManifests.Secret("b", next));
        var second = await proxy.ReceiveAsync();

        listeners.Resources.Select(static resource => resource.Unpack<Listener>().Name).Should().BeEquivalentTo("http", "https");
        Only(first.Resources).Should().Be((_b.Chain, _b.Key));
        Only(second.Resources).Should().Be((next.Chain, next.Key));
    }

    [Fact]
    public async Task A_bad_certificate_is_told_of_and_the_last_good_one_stays()
    {
        await using var proxy = new AdsConnection(_server.Address);
        _folder.Replace("b.yaml", TlsManifests.Secret("b", _b.Chain, _a.Key));
        await foreach (var change in _server.Diagnostics.ReadAsync(TestContext.Current.CancellationToken))
        {
            if (change.Diagnostic.ToString().Contains("Secret default/b: data.tls.key: is not the key of the certificate", StringComparison.Ordinal))
            {
                break;
            }
        }

        await proxy.SubscribeAsync(XdsTypeUrls.Secret, "default/b", "default/a");
        var secrets = await proxy.ReceiveAsync();

        secrets.Resources.Select(static resource => resource.Unpack<Secret>()).Single(static secret => secret.Name == "default/b")
            .TlsCertificate.PrivateKey.InlineString.Should().Be(_b.Key);
        await Patience.UntilAsync(() => _log.Lines.Any(static line => line.Contains("is not the key of the certificate")), "the log has it", TestContext.Current.CancellationToken);
        var lines = _a.Key.Split('\n', StringSplitOptions.RemoveEmptyEntries).Concat(_b.Key.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        _log.Lines.Should().NotContain(logged => lines.Any(logged.Contains), "keys are nobody's business");
    }

    private static (string Chain, string Key) Only(IReadOnlyCollection<Google.Protobuf.WellKnownTypes.Any> resources)
    {
        var certificate = resources.Should().ContainSingle().Which.Unpack<Secret>().TlsCertificate;
        return (certificate.CertificateChain.InlineString, certificate.PrivateKey.InlineString);
    }
}

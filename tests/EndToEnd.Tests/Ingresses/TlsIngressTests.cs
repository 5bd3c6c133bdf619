using System.Security.Authentication;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Ingresses;

/// <summary>Ingress TLS from outside: Secrets in a folder, certificates at the client.</summary>
public sealed class TlsIngressTests : IDisposable
{
    private readonly TestAuthority _authority = TestAuthority.Root();
    private readonly TestAuthority _other = TestAuthority.Root("Other Root");
    private readonly TempFolder _trust = new();

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
        _trust.Dispose();
    }

    [Fact]
    public async Task Two_hosts_are_served_with_their_own_certificates_and_plain_HTTP_leads_there()
    {
        var curl = Requires.Tool("curl");
        var trusted = _trust.Write("ca.crt", _authority.Pem);
        var others = _trust.Write("other.crt", _other.Pem);
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo(), "web");
        await using var planes = await StartAsync(backend, Secret("a", _authority.Issue(null, "a.test")), Secret("b", _other.Issue(null, "b.test")));
        await WaitForCertificatesAsync(planes, "a.test", "b.test");

        async Task<(int Exit, string Status)> AskAsync(string ca, string url, params string[] more)
        {
            string[] names = [.. new[] { "a.test", "b.test", "c.test" }.SelectMany(host => new[] { planes.HttpPort, planes.HttpsPort }.SelectMany(port => new[] { "--resolve", $"{host}:{port}:127.0.0.1" }))];
            var result = await ChildProcess.RunAsync(curl, ["-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %{num_redirects}", "--cacert", ca, .. names, .. more, url]);
            return (result.ExitCode, result.Output.Trim());
        }

        const int NotTrusted = 60;
        (await AskAsync(trusted, $"https://a.test:{planes.HttpsPort}/")).Should().Be((0, "200 0"));
        (await AskAsync(others, $"https://b.test:{planes.HttpsPort}/")).Should().Be((0, "200 0"));
        (await AskAsync(others, $"https://a.test:{planes.HttpsPort}/")).Exit.Should().Be(NotTrusted);
        (await AskAsync(trusted, $"http://a.test:{planes.HttpPort}/x?y=1", "-L")).Should().Be((0, "200 1"), "it is redirected and arrives");
        (await AskAsync(trusted, $"http://a.test:{planes.HttpPort}/x", "-X", "POST")).Should().Be((0, "308 0"));
        (await AskAsync(trusted, $"https://c.test:{planes.HttpsPort}/")).Exit.Should().NotBe(0, "the host has no certificate");
        backend.Requests[^1].Headers["x-forwarded-proto"].Should().Be("https");
        await using var client = await TlsClient.ConnectAsync(planes.HttpsPort, "a.test");
        (await client.GetAsync("c.test")).Should().Be(421, "the host is not served over TLS");
        planes.ControlPlane.Error.Should().NotContain("PRIVATE");
        (await planes.AdminAsync("/config_dump")).Should().NotContain("BEGIN PRIVATE KEY");
    }

    [Fact]
    public async Task A_Secret_that_changes_is_seen_by_the_next_handshake_and_not_by_connections_that_are_open()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var (first, next, b) = (_authority.Issue(null, "a.test"), _authority.Issue(null, "a.test"), _authority.Issue(null, "b.test"));
        await using var planes = await StartAsync(backend, Secret("a", first), Secret("b", b));
        await WaitForCertificatesAsync(planes, "a.test", "b.test");
        await using var open = await TlsClient.ConnectAsync(planes.HttpsPort, "a.test");
        open.Certificate.Should().Be(first.Pem);

        planes.Folder.Replace("a.yaml", Secret("a", next).Text);
        await WaitForCertificateAsync(planes, "a.test", next);

        (await open.GetAsync("a.test")).Should().Be(200, "a connection outlives the certificate it began with");
        (await CertificateOfAsync(planes, "b.test")).Should().Be(b.Pem);
        planes.ControlPlane.Error.Should().Contain("resources changed: 1, gone: 0", "one Secret is one resource");

        planes.Folder.Replace("a.yaml", Manifests.TlsSecret("a", first.Chain, next.Key));
        (await planes.ControlPlane.WaitForLineAsync("Secret default/a: data.tls.key: is not the key of the certificate")).Should().Contain("a.yaml:");
        (await CertificateOfAsync(planes, "a.test")).Should().Be(next.Pem, "the last good one stays");
    }

    [Fact]
    public async Task A_bad_Secret_harms_only_its_hosts()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var b = _authority.Issue(null, "b.test");
        await using var planes = await StartAsync(
            backend, Secret("a", _authority.Issue(new LeafRequest { NotBefore = DateTimeOffset.UtcNow.AddDays(-2), NotAfter = DateTimeOffset.UtcNow.AddDays(-1) }, "a.test")), Secret("b", b));
        await WaitForCertificatesAsync(planes, "b.test");

        (await planes.ControlPlane.WaitForLineAsync("Ingress default/a.test: spec.tls[0].secretName: the certificate of Secret default/a expired")).Should().Contain("warning");
        (await planes.GetAsync("a.test")).Status.Should().Be(308, "a lost certificate does not open plain HTTP");
        (await planes.GetAsync("b.test")).Status.Should().Be(308);
        (await CertificateOfAsync(planes, "a.test")).Should().BeNull();

        var good = _authority.Issue(null, "a.test");
        planes.Folder.Replace("a.yaml", Secret("a", good).Text);
        await WaitForCertificateAsync(planes, "a.test", good);
        (await CertificateOfAsync(planes, "b.test")).Should().Be(b.Pem);
    }

    private static (string File, string Text) Secret(string name, TestCertificate certificate) => ($"{name}.yaml", Manifests.TlsSecret(name, certificate.Chain, certificate.Key));

    private static Task<SeparatePlanes> StartAsync(ScriptedBackend backend, params (string File, string Text)[] secrets) => SeparatePlanes.StartAsync(
    [
        ("web.yaml", string.Join("\n---\n", Manifests.Service("web"), Manifests.EndpointSlices("web", backend.Port))),
        ("ingresses.yaml", string.Join("\n---\n", Manifests.SecureIngress("a.test", "a", "web"), Manifests.SecureIngress("b.test", "b", "web"), Manifests.Ingress("c", "c.test", ("/", "web")))),
        .. secrets,
    ]);

    private static async Task WaitForCertificatesAsync(SeparatePlanes planes, params string[] hosts)
    {
        foreach (var host in hosts)
        {
            await Patience.UntilAsync(async () => await CertificateOfAsync(planes, host) is not null, $"a certificate for {host}");
        }
    }

    private static Task WaitForCertificateAsync(SeparatePlanes planes, string host, TestCertificate certificate) =>
        Patience.UntilAsync(async () => await CertificateOfAsync(planes, host) == certificate.Pem, $"the new certificate for {host}");

    /// <summary>The certificate that a new connection is shown; null when it is refused.</summary>
    private static async Task<string?> CertificateOfAsync(SeparatePlanes planes, string host)
    {
        try
        {
            await using var client = await TlsClient.ConnectAsync(planes.HttpsPort, host);
            return client.Certificate;
        }
        catch (Exception refused) when (refused is IOException or AuthenticationException or System.Net.Sockets.SocketException)
        {
            return null;
        }
    }
}

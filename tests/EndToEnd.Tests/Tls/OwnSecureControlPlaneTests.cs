using System.Globalization;
using AwesomeAssertions;
using KubeProxyNet.EndToEnd.Tests.Rotation;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Tls;

/// <summary><c>kpn control-plane</c> by TLS and mutual TLS, with <c>kpn proxy</c> at the other end.</summary>
public sealed class OwnSecureControlPlaneTests : IDisposable
{
    private static readonly Identity Ours = new("Ours");
    private static readonly Identity Theirs = new("Theirs");

    private readonly TempFolder _folder = new();
    private readonly int _adminPort = FreePort.Take();
    private readonly int _httpPort = FreePort.Take();
    private readonly int _xdsPort = FreePort.Take();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_proxy_gets_its_configuration(bool isMutual)
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint, isMutual);
        await using var proxy = StartProxy(isMutual ? Ours.Proxy : null);

        await proxy.WaitForHttpAsync(_adminPort);
        (plane.Output + plane.Error).Should().Contain(isMutual ? " by mutual TLS" : " by TLS");
    }

    [Fact]
    public async Task A_proxy_whose_certificate_another_authority_vouches_for_gets_nothing_and_both_sides_say_why()
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint, isMutual: true);
        await using var proxy = StartProxy(Theirs.Proxy);

        await proxy.WaitForLineAsync("no control plane at");
        (await plane.WaitForLineAsync("a proxy is refused")).Should().Contain("CN=leaf");

        // With the right one it gets in without a restart.
        Write("proxy", Ours.Proxy);
        await proxy.WaitForHttpAsync(_adminPort);
    }

    [Fact]
    public async Task A_proxy_without_a_certificate_is_refused()
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint, isMutual: true);
        await using var proxy = StartProxy(null);

        (await plane.WaitForLineAsync("a proxy is refused")).Should().Contain("it presents no certificate");
        await proxy.WaitForLineAsync("no control plane at");
    }

    [Fact]
    public async Task Files_that_are_replaced_are_used_from_the_next_connection_on_and_bad_ones_are_not()
    {
        await using var plane = await StartPlaneAsync(Ours.Endpoint, isMutual: false);
        (await SerialAsync()).Should().Be(Serial(Ours.Endpoint));

        // Ones that do not belong together, one that has expired, and none at all.
        Write("plane", Theirs.Endpoint, key: Ours.Endpoint.Key);
        (await SerialAsync()).Should().Be(Serial(Ours.Endpoint));
        await plane.WaitForLineAsync("what they held before stays");
        using var root = TestAuthority.Root("Past");
        Write("plane", root.Issue(new LeafRequest { NotAfter = DateTimeOffset.UtcNow.AddMinutes(-1) }, "backend.test"));
        (await SerialAsync()).Should().Be(Serial(Ours.Endpoint));
        await plane.WaitForLineAsync("expired at");
        File.Delete(_folder.File("plane.key"));
        (await SerialAsync()).Should().Be(Serial(Ours.Endpoint));

        Write("plane", Theirs.Endpoint);
        (await SerialAsync()).Should().Be(Serial(Theirs.Endpoint));
        await plane.WaitForLineAsync("goes by the renewed certificate");
        (plane.Output + plane.Error).Should().NotContain("PRIVATE KEY");
    }

    [Theory]
    [InlineData("--tls-cert and --tls-key belong together", "--tls-cert", "a.pem")]
    [InlineData("give --tls-cert and --tls-key too", "--tls-client-ca", "a.pem")]
    [InlineData("xDS cannot be served by TLS: ", "--tls-cert", "/nowhere/tls.crt", "--tls-key", "/nowhere/tls.key")]
    public async Task What_cannot_be_served_is_refused_at_the_start(string reason, params string[] flags)
    {
        var result = await ChildProcess.RunKpnAsync(["control-plane", "--source", _folder.Path, "--xds-address", Address, .. flags]);

        result.ExitCode.Should().NotBe(0);
        (result.Output + result.Error).Should().Contain(reason);
    }

    private string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{_xdsPort}");

    private static string Serial(TestCertificate certificate) => Convert.ToHexString(certificate.Serial);

    /// <summary>The serial number of the certificate that a new connection is shown.</summary>
    private async Task<string> SerialAsync()
    {
        var shown = await ChildProcess.RunAsync(Requires.Tool("openssl"), "s_client", "-connect", Address, "-alpn", "h2", "-showcerts");
        shown.Output.Should().Contain("ALPN protocol: h2");
        using var leaf = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(shown.Output);
        return leaf.SerialNumber;
    }

    private async Task<ChildProcess> StartPlaneAsync(TestCertificate certificate, bool isMutual)
    {
        Write("plane", certificate);
        _folder.Write("manifests/none.yaml", "# nothing yet\n");
        string[] mutual = isMutual ? ["--tls-client-ca", _folder.Write("clients.pem", Ours.Authority)] : [];
        var plane = ChildProcess.StartKpn(
        [
            "control-plane", "--source", _folder.File("manifests"), "--xds-address", Address, "--http-port", _httpPort.ToString(CultureInfo.InvariantCulture), "--http-address", "127.0.0.1",
            "--tls-cert", _folder.File("plane.pem"), "--tls-key", _folder.File("plane.key"), .. mutual,
        ]);
        await plane.WaitForLineAsync("Serving xDS from");
        return plane;
    }

    private ChildProcess StartProxy(TestCertificate? certificate)
    {
        var presented = "";
        if (certificate is not null)
        {
            Write("proxy", certificate);
            presented = $"tls_certificates: [ {{ certificate_chain: {{ filename: {_folder.File("proxy.pem")} }}, private_key: {{ filename: {_folder.File("proxy.key")} }} }} ],";
        }

        var bootstrap = Bootstraps.Dynamic(_adminPort, _xdsPort) + $$"""

            transport_socket:
              name: tls
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                sni: backend.test
                common_tls_context: { {{presented}} validation_context: { trusted_ca: { filename: {{_folder.Write("ca.pem", Ours.Authority)}} }, match_typed_subject_alt_names: [ { san_type: DNS, matcher: { exact: backend.test } } ] } }
        """;
        return ChildProcess.StartKpn("proxy", "-c", _folder.Write("envoy.yaml", bootstrap), "--drain-time-s", "1");
    }

    /// <summary>Puts files in the place of others; between the two they do not belong together.</summary>
    private void Write(string name, TestCertificate certificate, string? key = null)
    {
        _folder.Write(name + ".pem", certificate.Chain);
        _folder.Write(name + ".key", key ?? certificate.Key);
    }
}

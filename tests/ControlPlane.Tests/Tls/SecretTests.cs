using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.ControlPlane.Tests.Tls;

public sealed class SecretTests
{
    private static readonly ObjectName Name = new("default", "cert");

    private readonly TlsManifests _manifests = new();

    [Fact]
    public void The_names_and_times_of_a_certificate_are_read_of_it()
    {
        using var authority = TestAuthority.Root();
        using var intermediate = authority.Intermediate();
        var from = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var certificate = intermediate.Issue(new LeafRequest { NotBefore = from, NotAfter = from.AddYears(1), Names = ["Shop.Example.com", "*.apps.example.com"] });

        _manifests.Write("a.yaml", TlsManifests.Secret("cert", certificate));

        var pair = Current!.KeyPair!;
        pair.Names.Should().Equal("shop.example.com", "*.apps.example.com");
        pair.NotBefore.Should().Be(from);
        pair.NotAfter.Should().Be(from.AddYears(1));
        pair.Chain.Should().Be(certificate.Chain, "the intermediate belongs to it");
        pair.Covers("one.apps.example.com").Should().BeTrue();
        pair.Covers("*.apps.example.com").Should().BeTrue();
        pair.Covers("two.one.apps.example.com").Should().BeFalse("a wildcard stands for one label");
        pair.Covers("apps.example.com").Should().BeFalse();
    }

    [Fact]
    public void A_bad_version_leaves_the_last_good_one_in_force()
    {
        var (good, other) = (TestCertificate.SelfSigned("a.test"), TestCertificate.SelfSigned("a.test"));
        _manifests.Write("a.yaml", TlsManifests.Secret("cert", good));

        foreach (var bad in new[] { TlsManifests.Secret("cert", good.Chain, other.Key), TlsManifests.Secret("cert", good.Chain[..100], good.Key), TlsManifests.Secret("cert", good.Chain, "") })
        {
            _manifests.Write("a.yaml", bad);

            Current!.KeyPair!.Chain.Should().Be(good.Chain);
            _manifests.Diagnostics.Should().ContainSingle(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        }

        _manifests.Write("a.yaml", TlsManifests.Secret("cert", other));

        Current!.KeyPair!.Chain.Should().Be(other.Chain);
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void A_key_among_the_certificates_is_left_out_of_what_everybody_may_see()
    {
        var certificate = TestCertificate.SelfSigned("a.test");

        _manifests.Write("a.yaml", TlsManifests.Secret("cert", certificate.Key + certificate.Chain, "some words before it\n" + certificate.Key));

        Current!.KeyPair!.Chain.Should().Be(certificate.Chain);
        Current!.KeyPair.Key.Value.Should().Be(certificate.Key);
    }

    [Fact]
    public void What_is_given_as_text_goes_before_what_is_given_in_base64()
    {
        var (data, text) = (TestCertificate.SelfSigned("data.test"), TestCertificate.SelfSigned("text.test"));
        static string Indented(string pem) => string.Concat(pem.Split('\n').Select(static line => $"    {line}\n"));

        _manifests.Write("a.yaml", TlsManifests.Secret("cert", data) + $"stringData:\n  tls.crt: |\n{Indented(text.Chain)}  tls.key: |\n{Indented(text.Key)}");

        Current!.KeyPair!.Names.Should().Equal("text.test");
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void The_data_of_other_types_are_not_kept()
    {
        _manifests.Write("a.yaml", TlsManifests.Secret("cert", "not looked at", "nor this", "Opaque"));

        Current!.Type.Should().Be("Opaque");
        Current.KeyPair.Should().BeNull();
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Fact]
    public void Keys_of_kinds_that_the_control_plane_cannot_read_are_left_to_the_proxies()
    {
        // Made with: openssl req -x509 -newkey ed25519 -nodes -subj /CN=ed25519.test -days 36500
        const string Certificate = """
            -----BEGIN CERTIFICATE-----
            MIIBRDCB96ADAgECAhRWG4gNCNtFZiLwcbXTARIlpxezGDAFBgMrZXAwFzEVMBMG
            A1UEAwwMZWQyNTUxOS50ZXN0MCAXDTI2MTEyMzExNDM0MFoYDzIxMjYxMDMwMTE0
            MzQwWjAXMRUwEwYDVQQDDAxlZDI1NTE5LnRlc3QwKjAFBgMrZXADIQC9VvlUcvPp
            4FA+AZwMxEg9GWt/DrC/ttpEzjwaOnYV56NTMFEwHQYDVR0OBBYEFNfy5aRWqdrQ
            jcRO2MT2bd8V/BT/MB8GA1UdIwQYMBaAFNfy5aRWqdrQjcRO2MT2bd8V/BT/MA8G
            A1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAWRdrSIT/PT9HbK13p5xXZQ6GjwGAqCO9
            tvSfgv6BJGOBC1Q8kdi5ofCCqsC6fHq0PU9pRs/xHi0v1XlqMZQ8DQ==
            -----END CERTIFICATE-----

            """;
        const string Key = """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEINzbMvAsRpgRgp153bX4hmrNKHpai2wPIKl7Llno9phW
            -----END PRIVATE KEY-----

            """;

        _manifests.Write("a.yaml", TlsManifests.Secret("cert", Certificate, Key));

        Current!.KeyPair!.Chain.Should().Be(Certificate);
        _manifests.Diagnostics.Should().BeEmpty();
    }

    [Theory]
    [InlineData("tls.key: holds no private key in PEM form", "no key at all: 12345")]
    [InlineData("tls.key: is encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMTIzNDU=\n-----END ENCRYPTED PRIVATE KEY-----\n")]
    [InlineData("tls.key: cannot be read as a key of the kind that the certificate has", "-----BEGIN RSA PRIVATE KEY-----\nMTIzNDU=\n-----END RSA PRIVATE KEY-----\n")]
    [InlineData("tls.key: cannot be read as a key of the kind that the certificate has", "-----BEGIN PRIVATE KEY-----\nMTIzNDU=\n-----END PRIVATE KEY-----\n")]
    public void A_key_that_cannot_be_used_is_told_of_without_it(string expected, string key)
    {
        _manifests.Write("a.yaml", TlsManifests.Secret("cert", TestCertificate.SelfSigned("a.test").Chain, key));

        _manifests.Diagnostics.Should().ContainSingle().Which.ToString().Should().Contain("Secret default/cert: data." + expected).And.NotContain("MTIz").And.NotContain("12345");
        Current.Should().BeNull();
    }

    [Theory]
    [InlineData("data: topsecret")]
    [InlineData("data: {tls.crt: [topsecret], tls.key: topsecret!}")]
    [InlineData("data: {tls.crt: 31415926, tls.key: {topsecret: topsecret}}")]
    [InlineData("stringData: {tls.crt: topsecret, tls.key: topsecret}")]
    public void No_value_of_a_Secret_stands_in_what_is_said_of_it(string fields)
    {
        _manifests.Write("a.yaml", $"apiVersion: v1\nkind: Secret\nmetadata: {{name: cert}}\ntype: kubernetes.io/tls\n{fields}\n");

        _manifests.Diagnostics.Should().NotBeEmpty().And.OnlyContain(static diagnostic => !diagnostic.ToString().Contains("topsecret") && !diagnostic.ToString().Contains("31415926"));
    }

    [Fact]
    public void What_prints_a_Secret_does_not_print_its_key()
    {
        var certificate = TestCertificate.SelfSigned("a.test");
        _manifests.Write("a.yaml", TlsManifests.Secret("cert", certificate).Replace(
            "{name: cert}", "{name: cert, annotations: {kubectl.kubernetes.io/last-applied-configuration: topsecret}}", StringComparison.Ordinal));

        Current!.ToString().Should().Contain("Key = (withheld)").And.NotContain("PRIVATE KEY");
        Current.Metadata.Annotations.Should().BeEmpty("kubectl repeats the data there");
    }

    private Secret? Current => _manifests.Objects.Current.Secrets.GetValueOrDefault(Name);
}

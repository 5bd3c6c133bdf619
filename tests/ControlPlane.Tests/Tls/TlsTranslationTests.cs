using AwesomeAssertions;
using KubeProxyNet.ControlPlane.Emission;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Translation;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Tests.Tls;

/// <summary>What depends on options, on time, or on what was before; the rest of Ingress TLS is in the golden cases.</summary>
public sealed class TlsTranslationTests
{
    private static readonly TestCertificate Default = TestCertificate.SelfSigned("default.test");

    private readonly TlsManifests _manifests = new();

    [Fact]
    public void Without_any_certificate_there_is_no_listener_for_it()
    {
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "missing")));

        var model = Translate().Model;

        model.Listeners.Should().ContainSingle().Which.Name.Should().Be("http");
        model.RouteTables.Should().ContainSingle();
        model.Certificates.Should().BeEmpty();
    }

    [Fact]
    public void A_default_certificate_serves_every_host_and_redirects_only_those_of_tls()
    {
        _manifests.Write("default.yaml", TlsManifests.Secret("default", Default));
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("missing.test", "missing"), ("unnamed.test", null)));
        _manifests.Write("plain.yaml", TlsManifests.Ingress("plain", ("plain.test", null)).Replace("  tls:\n    - {hosts: [\"plain.test\"]}\n", "", StringComparison.Ordinal));

        var result = Translate(new TranslationOptions { DefaultTlsSecret = new ObjectName("default", "default") });

        var tls = result.Model.Listeners[1].Tls!;
        tls.DefaultCertificate.Should().Be("default/default");
        tls.Chains.Should().ContainSingle().Which.Should().Be(new TlsChain("default/default", [HostMatch.Parse("missing.test"), HostMatch.Parse("unnamed.test")]));
        HostsThatRedirect(result.Model).Should().Equal("missing.test", "unnamed.test");
        result.Model.RouteTables[1].VirtualHosts.Select(static host => host.Host.ToString()).Should().Equal("missing.test", "plain.test", "unnamed.test");
        result.Diagnostics.Where(static diagnostic => diagnostic.Reason is not DiagnosticReason.ServiceNotFound).Should().ContainSingle()
            .Which.Message.Should().Be("Secret default/missing does not exist or is refused, so host missing.test gets the default certificate");
    }

    [Fact]
    public void A_default_certificate_that_is_missing_is_an_error_and_harms_no_other()
    {
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a")) + "---\n" + TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));

        var result = Translate(new TranslationOptions { DefaultTlsSecret = new ObjectName("default", "default") });

        result.Model.Listeners[1].Tls!.DefaultCertificate.Should().BeNull();
        result.Diagnostics.Should().ContainSingle(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            .Which.ToString().Should().StartWith("error: Secret default/default: Secret default/default does not exist or is refused, so there is no default certificate");
        HostsThatRedirect(result.Model).Should().Equal("a.test");
    }

    [Fact]
    public void A_certificate_counts_from_its_first_moment_to_its_last()
    {
        var now = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);
        var clock = new SetClock { Now = now };
        var translator = new Translator(new TranslationOptions(), clock);
        var request = new LeafRequest { NotBefore = now.AddHours(1), NotAfter = now.AddHours(3), Names = ["a.test"] };
        using var authority = TestAuthority.Root();
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a")) + "---\n" + TlsManifests.Secret("a", authority.Issue(request)));

        var early = Look();
        clock.Now = now.AddHours(1);
        var valid = Look();
        clock.Now = now.AddHours(3);
        var expired = Look();

        early.ValidUntil.Should().Be(now.AddHours(1));
        early.Said.Should().Be("the certificate of Secret default/a is not valid before 2026-06-01T01:00:00Z, so host a.test is served over plain HTTP only");
        valid.ValidUntil.Should().Be(now.AddHours(3));
        valid.Said.Should().BeNull();
        expired.ValidUntil.Should().BeNull();
        expired.Said.Should().Be("the certificate of Secret default/a expired at 2026-06-01T03:00:00Z, so host a.test is served over plain HTTP only");

        (DateTimeOffset? ValidUntil, string? Said) Look()
        {
            var result = translator.Translate(_manifests.Objects.Current);
            var said = result.Diagnostics.SingleOrDefault(static diagnostic => diagnostic.Reason == DiagnosticReason.SecretNotUsable)?.Message;
            (result.Model.Listeners.Count == 1).Should().Be(said is not null);
            return (result.ValidUntil, said);
        }
    }

    [Fact]
    public void A_certificate_that_changes_is_one_changed_resource()
    {
        var translator = new Translator(new TranslationOptions());
        var emitter = new Emitter();
        Emitted Emit() => emitter.Emit(translator.Translate(_manifests.Objects.Current).Model);
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a"), ("b.test", "b")));
        _manifests.Write("secret-a.yaml", TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));
        _manifests.Write("secret-b.yaml", TlsManifests.Secret("b", TestCertificate.SelfSigned("b.test")));
        Emit().Snapshot[XdsTypeUrls.Secret].ByName.Keys.Should().BeEquivalentTo("default/a", "default/b");

        _manifests.Write("secret-b.yaml", TlsManifests.Secret("b", TestCertificate.SelfSigned("b.test")));
        var rotated = Emit();
        _manifests.Write("unused.yaml", TlsManifests.Secret("unused", TestCertificate.SelfSigned("c.test")));
        var unused = Emit();

        rotated.Changed.Should().ContainSingle().Which.Name.Should().Be("default/b");
        rotated.Changed[0].TypeUrl.Should().Be(XdsTypeUrls.Secret);
        rotated.Removed.Should().BeEmpty();
        unused.Changed.Should().BeEmpty("nobody names it");
    }

    [Fact]
    public void A_listener_names_its_certificates_so_that_none_can_be_missing()
    {
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a")) + "---\n" + TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));

        var emitted = new Emitter().Emit(Translate().Model);

        emitted.FindDanglingNames().Should().BeEmpty();
        emitted.Snapshot.With([], [new Xds.Serving.XdsReference(XdsTypeUrls.Secret, "default/a")]).Validate()
            .Should().ContainSingle().Which.Should().Be("Listener \"https\" names Secret \"default/a\", which does not exist");
    }

    [Theory]
    [InlineData(8443, null, "a.test", 8443, 8443)]
    [InlineData(443, null, "a.test", null, 443)]
    [InlineData(8443, 443, "a.test", null, 443)]
    [InlineData(443, 8443, "a.test", 8443, 8443)]
    public void A_redirect_leads_to_the_port_that_clients_reach(int port, int? redirectPort, string host, int? expectedOfHost, int expectedOfWildcard)
    {
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a"), ("*.b.test", "a")) + "---\n" + TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));

        var model = Translate(new TranslationOptions { HttpsPort = port, HttpsRedirectPort = redirectPort }).Model;

        model.Listeners[1].Port.Should().Be(port);
        model.RouteTables[0].VirtualHosts.Select(static virtualHost => virtualHost.Rules[0].Action)
            .Should().Equal(new RedirectToHttps(host, expectedOfHost), new RedirectToHttps(null, expectedOfWildcard));
    }

    [Fact]
    public void What_prints_a_model_does_not_print_its_keys()
    {
        _manifests.Write("a.yaml", TlsManifests.Ingress("a", ("a.test", "a")) + "---\n" + TlsManifests.Secret("a", TestCertificate.SelfSigned("a.test")));

        var model = Translate().Model;

        model.Certificates[0].ToString().Should().Contain("default/a").And.NotContain("PRIVATE KEY");
        model.Certificates[0].Key.Value.Should().Contain("PRIVATE KEY");
    }

    private TranslationResult Translate(TranslationOptions? options = null) => new Translator(options ?? new TranslationOptions()).Translate(_manifests.Objects.Current);

    private static IEnumerable<string> HostsThatRedirect(TrafficModel model) => model.RouteTables[0].VirtualHosts
        .Where(static host => host.Rules[0].Action is RedirectToHttps).Select(static host => host.Host.ToString());

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

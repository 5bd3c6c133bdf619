using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.Proxy.Tests.Tls;

/// <summary>What is made of a peer's certificate, whatever it presents. Envoy documentation, <c>CertificateValidationContext</c>.</summary>
public sealed class PeerVerifierTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_chain_to_a_trusted_root_is_accepted()
    {
        using var intermediate = _root.Intermediate();

        Judge(Trusting(_root.Pem), intermediate.Issue(null, "a.test")).Should().Be(PeerVerdict.Trusted);
    }

    [Fact]
    public void A_trusted_intermediate_ends_a_chain()
    {
        using var intermediate = _root.Intermediate();

        Judge(Trusting(intermediate.Pem), intermediate.Issue(null, "a.test")).Fault.Should().Be(PeerFault.None);
    }

    [Fact]
    public void A_missing_intermediate_is_told_with_what_was_presented()
    {
        using var intermediate = _root.Intermediate();
        var leaf = intermediate.Issue(new LeafRequest { Subject = "CN=web,O=Shop" }, "a.test");

        var verdict = Judge(Trusting(_root.Pem), leaf, presented: leaf.Pem);

        verdict.Should().BeEquivalentTo(new { Fault = PeerFault.Chain, Reason = "unable to get local issuer certificate", IsAccepted = false, Depth = 0 });
        verdict.Chain.Should().ContainSingle().Which.Should().BeEquivalentTo(new { Subject = "CN=web,O=Shop", Issuer = "CN=Test Intermediate" });
    }

    [Fact]
    public void A_certificate_of_another_authority_is_refused()
    {
        using var other = TestAuthority.Root();

        Judge(Trusting(_root.Pem), other.Issue(null, "a.test")).Fault.Should().Be(PeerFault.Chain);
    }

    [Fact]
    public void A_certificate_that_vouches_for_itself_is_refused() =>
        Judge(Trusting(_root.Pem), TestCertificate.SelfSigned("a.test")).Should().BeEquivalentTo(new { Fault = PeerFault.Chain, Reason = "self-signed certificate" });

    [Fact]
    public void A_cross_signed_authority_leads_to_either_root()
    {
        using var newRoot = TestAuthority.Root("New Root");
        using var crossed = _root.CrossSign(newRoot);
        var leaf = newRoot.Issue(null, "a.test");

        Judge(Trusting(newRoot.Pem), leaf).Fault.Should().Be(PeerFault.None);
        Judge(Trusting(_root.Pem), leaf, presented: leaf.Pem + crossed.Pem).Fault.Should().Be(PeerFault.None);
        Judge(Trusting(_root.Pem), leaf).Fault.Should().Be(PeerFault.Chain);
    }

    [Fact]
    public void A_certificate_out_of_its_time_is_refused_unless_that_is_allowed()
    {
        var expired = _root.Issue(new LeafRequest { NotBefore = DateTimeOffset.UtcNow.AddDays(-9), NotAfter = DateTimeOffset.UtcNow.AddDays(-1) });
        var early = _root.Issue(new LeafRequest { NotBefore = DateTimeOffset.UtcNow.AddDays(1) });

        Judge(Trusting(_root.Pem), expired).Reason.Should().Be("certificate has expired");
        Judge(Trusting(_root.Pem), early).Reason.Should().StartWith("certificate is not yet valid");
        Judge(Trusting(_root.Pem) with { AllowExpired = true }, expired).Fault.Should().Be(PeerFault.None);
    }

    [Fact]
    public void A_certificate_for_another_purpose_is_refused()
    {
        var forServers = _root.Issue(new LeafRequest { Purposes = ["1.3.6.1.5.5.7.3.1"] });

        Judge(Trusting(_root.Pem), forServers, isClient: true).Reason.Should().Contain("purpose");
        Judge(Trusting(_root.Pem), forServers, isClient: false).Fault.Should().Be(PeerFault.None);
    }

    [Fact]
    public void A_revoked_certificate_is_refused()
    {
        var (withdrawn, sound) = (_root.Issue(null, "a.test"), _root.Issue(null, "b.test"));
        _root.Revoke(withdrawn);
        var config = Trusting(_root.Pem) with { Crl = _root.RevocationList() };

        Judge(config, withdrawn).Should().BeEquivalentTo(new { Fault = PeerFault.Chain, Reason = "certificate revoked" });
        Judge(config, sound).Fault.Should().Be(PeerFault.None);
    }

    [Fact]
    public void An_issuer_without_a_revocation_list_is_refused_where_there_are_some()
    {
        using var intermediate = _root.Intermediate();
        var leaf = intermediate.Issue(null, "a.test");

        Judge(Trusting(_root.Pem) with { Crl = intermediate.RevocationList() }, leaf).Reason.Should().Be("unable to get certificate CRL");
        Judge(Trusting(_root.Pem) with { Crl = intermediate.RevocationList(), OnlyVerifyLeafCrl = true }, leaf).Fault.Should().Be(PeerFault.None);
        Judge(Trusting(_root.Pem) with { Crl = intermediate.RevocationList() + _root.RevocationList() }, leaf).Fault.Should().Be(PeerFault.None);
    }

    [Fact]
    public void A_stale_revocation_list_fails_hard() =>
        Judge(Trusting(_root.Pem) with { Crl = _root.RevocationList(DateTimeOffset.UtcNow.AddDays(-1)) }, _root.Issue(null, "a.test")).Reason.Should().Be("CRL has expired");

    [Fact]
    public void A_chain_longer_than_the_depth_is_refused()
    {
        using var first = _root.Intermediate("first");
        using var second = first.Intermediate("second");
        var leaf = second.Issue(null, "a.test");

        Judge(Trusting(_root.Pem) with { MaxVerifyDepth = 1 }, leaf).Fault.Should().Be(PeerFault.Chain);
        Judge(Trusting(_root.Pem) with { MaxVerifyDepth = 2 }, leaf).Fault.Should().Be(PeerFault.None);
    }

    [Theory]
    [InlineData("a.test", "a.test", true)]
    [InlineData("A.Test", "a.test", true)]
    [InlineData("*.test", "a.test", true)]
    [InlineData("*.test", "b.a.test", false)]
    [InlineData("*.test", "test", false)]
    [InlineData("a*.test", "ab.test", false)]
    [InlineData("a.test", "a.test.evil", false)]
    public void A_DNS_name_is_compared_as_RFC_6125_says(string name, string demanded, bool isMet) =>
        Judge(Trusting(_root.Pem) with { Sans = Demand(SanType.Dns, demanded) }, _root.Issue(new LeafRequest { RawNames = DnsNames(name) })).Fault
            .Should().Be(isMet ? PeerFault.None : PeerFault.Name);

    [Theory]
    [InlineData(SanType.Uri, "uri:spiffe://mesh/ns/a", "spiffe://mesh/ns/a")]
    [InlineData(SanType.IpAddress, "ip:10.1.2.3", "10.1.2.3")]
    [InlineData(SanType.IpAddress, "ip:2001:db8::1", "2001:db8::1")]
    [InlineData(SanType.Email, "email:a@b.test", "a@b.test")]
    public void A_name_of_another_kind_does_not_count(SanType type, string name, string demanded)
    {
        var leaf = _root.Issue(null, name);

        Judge(Trusting(_root.Pem) with { Sans = Demand(type, demanded) }, leaf).Fault.Should().Be(PeerFault.None);
        Judge(Trusting(_root.Pem) with { Sans = Demand(SanType.Dns, demanded) }, leaf).Fault.Should().Be(PeerFault.Name);
    }

    [Fact]
    public void A_name_with_a_NUL_does_not_count() =>
        Judge(Trusting(_root.Pem) with { Sans = Demand(SanType.Dns, "a.test") }, _root.Issue(new LeafRequest { RawNames = DnsNames("a.test\0.evil") })).Fault.Should().Be(PeerFault.Name);

    [Fact]
    public void The_common_name_is_no_name() =>
        Judge(Trusting(_root.Pem) with { Sans = Demand(SanType.Dns, "a.test") }, _root.Issue(new LeafRequest { Subject = "CN=a.test" })).Fault.Should().Be(PeerFault.Name);

    [Theory]
    [InlineData("a.test", true)]
    [InlineData("b.test", false)]
    [InlineData("10.1.2.3", true)]
    [InlineData("10.1.2.4", false)]
    public void The_host_that_was_asked_for_can_be_demanded(string host, bool isMet) =>
        Judge(Trusting(_root.Pem), _root.Issue(null, "a.test", "ip:10.1.2.3"), host: host).Fault.Should().Be(isMet ? PeerFault.None : PeerFault.Name);

    [Fact]
    public void One_pin_that_fits_is_enough()
    {
        var (leaf, other) = (_root.Issue(null, "a.test"), _root.Issue(null, "b.test"));
        using var certificate = X509Certificate2.CreateFromPem(leaf.Pem);
        var hash = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
        var spki = Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

        foreach (var config in new[] { Trusting("") with { CertificateHashes = new([hash]) }, Trusting(_root.Pem) with { SpkiHashes = new([spki]) }, Trusting("") with { CertificateHashes = new([new string('0', 64)]), SpkiHashes = new([spki]) } })
        {
            Judge(config, leaf).Fault.Should().Be(PeerFault.None);
            Judge(config, other).Fault.Should().Be(PeerFault.Pin);
        }
    }

    [Fact]
    public void An_untrusted_chain_can_be_let_through_and_is_known_as_such() =>
        Judge(Trusting(_root.Pem) with { AcceptUntrusted = true }, TestCertificate.SelfSigned("a.test")).Should().BeEquivalentTo(new { Fault = PeerFault.Chain, IsAccepted = true });

    [Fact]
    public void A_SPIFFE_identity_is_vouched_for_by_its_own_trust_domain_alone()
    {
        using var other = TestAuthority.Root("Other Root");
        var config = Trusting("") with { TrustDomains = new([new TrustDomainBundle("one.test", _root.Pem), new TrustDomainBundle("two.test", other.Pem)]) };

        Judge(config, _root.Issue(null, "uri:spiffe://one.test/a")).Fault.Should().Be(PeerFault.None);
        Judge(config, other.Issue(null, "uri:spiffe://two.test/a")).Fault.Should().Be(PeerFault.None);
        Judge(config, _root.Issue(null, "uri:spiffe://two.test/a")).Fault.Should().Be(PeerFault.Chain);
        Judge(config, _root.Issue(null, "uri:spiffe://three.test/a")).Reason.Should().Contain("three.test");
        Judge(config, _root.Issue(null, "uri:https://one.test/a")).Reason.Should().Contain("no SPIFFE identity");
        Judge(config, _root.Issue(null, "uri:spiffe://one.test/a", "uri:spiffe://one.test/b")).Reason.Should().Contain("has 2");
        Judge(config, _root.Issue(null, "a.test")).Reason.Should().Contain("has 0");
        Judge(config, _root.Issue(new LeafRequest { IsAuthority = true }, "uri:spiffe://one.test/a")).Fault.Should().Be(PeerFault.Chain);
    }

    [Theory]
    [InlineData("spiffe://one.test", true)]
    [InlineData("spiffe://one.test/ns/a/sa/b", true)]
    [InlineData("spiffe://One.test/a", false)]
    [InlineData("spiffe://one.test/", false)]
    [InlineData("spiffe://one.test//a", false)]
    [InlineData("spiffe://one.test/../a", false)]
    [InlineData("spiffe://one.test:80/a", false)]
    [InlineData("spiffe://user@one.test/a", false)]
    [InlineData("spiffe:///a", false)]
    [InlineData("spiffe://one.test/a?b", false)]
    [InlineData("spiffe://one.test/a%2Fb", false)]
    public void A_SPIFFE_identity_is_read_to_the_letter(string text, bool isOne) => SpiffeId.TryParse(text, out _).Should().Be(isOne);

    private static PeerValidationConfig Trusting(string authorities) => new() { Source = "test", TrustedCa = authorities };

    private static ValueList<SanMatcher> Demand(SanType type, string name) => new([new SanMatcher(type, new ExactName(name))]);

    private static PeerVerdict Judge(PeerValidationConfig config, TestCertificate leaf, string? presented = null, bool isClient = true, string? host = null)
    {
        using var certificates = PemReader.Certificates(presented ?? leaf.Chain, "test");
        using var stack = new CertificateStack(certificates);
        return new PeerVerifier(config).Judge(certificates[0], stack.Value, isClient, host, out _);
    }

    private static byte[] DnsNames(params string[] names)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var name in names)
            {
                writer.WriteOctetString(Encoding.ASCII.GetBytes(name), new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        }

        return writer.Encode();
    }

    private sealed record ExactName(string Exact) : INameMatcher
    {
        string INameMatcher.Exact => Exact;

        public bool Matches(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name) == Exact;
    }
}

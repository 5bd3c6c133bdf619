using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Testing.Certificates;
using static KubeProxyNet.Proxy.Tests.Traffic.Tls.TlsText;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Clients that have to prove who they are. Each refusal leaves a record in the log and counts.</summary>
public sealed class ClientCertificateTests : IDisposable
{
    private readonly TestAuthority _root = TestAuthority.Root();

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task A_client_with_a_certificate_is_let_in()
    {
        await using var proxy = await StartAsync(Trust(_root.Pem));
        using var intermediate = _root.Intermediate();

        (await proxy.GetAsync(certificate: _root.Issue(null, "client.test"))).BodyText.Should().Be("hello");
        (await proxy.GetAsync(certificate: intermediate.Issue(null, "client.test"))).BodyText.Should().Be("hello");

        (await proxy.SslAsync("handshake")).Should().Be(2);
        (await proxy.SslAsync("no_certificate")).Should().Be(0);
    }

    [Fact]
    public async Task A_client_without_one_is_refused()
    {
        await using var proxy = await StartAsync(Trust(_root.Pem));

        await proxy.RefusedAsync();

        var failure = await proxy.FailureAsync();
        failure.GetProperty("reason").GetString().Should().Be("peer did not return a certificate");
        failure.GetProperty("remedy").GetString().Should().Contain("require_client_certificate");
        (await proxy.SslAsync("fail_verify_no_cert")).Should().Be(1);
        (await proxy.SslAsync("connection_error")).Should().Be(0);
    }

    [Fact]
    public async Task Where_it_is_optional_a_client_without_one_is_let_in_and_one_with_a_wrong_one_is_not()
    {
        using var other = TestAuthority.Root("Other Root");
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(TlsContext(Server(), validation: Trust(_root.Pem), required: false), routes: Says("hello"))));

        (await proxy.GetAsync()).BodyText.Should().Be("hello");
        (await proxy.GetAsync(certificate: _root.Issue(null, "client.test"))).BodyText.Should().Be("hello");
        await proxy.RefusedAsync(certificate: other.Issue(null, "client.test"));

        (await proxy.SslAsync("no_certificate")).Should().Be(1);
        (await proxy.SslAsync("fail_verify_error")).Should().Be(1);
    }

    [Fact]
    public async Task Where_one_is_required_and_nothing_validates_it_any_will_do_and_none_counts_as_validated()
    {
        var context = TlsContext(Server()).Replace("require_client_certificate: false", "require_client_certificate: true", StringComparison.Ordinal);
        var routes = "{match: {prefix: /, tls_context: {presented: true, validated: false} }, direct_response: {status: 200, body: {inline_string: unproven} } }";
        await using var proxy = await TlsProxy.StartAsync(Listener(Chain(context, routes: routes)));

        await proxy.RefusedAsync();
        (await proxy.GetAsync(certificate: TestCertificate.SelfSigned("client.test"))).BodyText.Should().Be("unproven");

        (await proxy.SslAsync("fail_verify_no_cert")).Should().Be(1);
    }

    [Fact]
    public async Task Another_authority_is_refused()
    {
        using var other = TestAuthority.Root("Other Root");
        await RefusedAsync(Trust(_root.Pem), other.Issue(new LeafRequest { Subject = "CN=stranger,O=Elsewhere" }, "stranger.test"), "unable to get local issuer certificate", "fail_verify_error", failure =>
        {
            failure.GetProperty("side").GetString().Should().Be("downstream");
            failure.GetProperty("resource").GetString().Should().Be("listener \"tls\", filter chain \"web\"");
            failure.GetProperty("peer").GetString().Should().StartWith("127.0.0.1:");
            failure.GetProperty("server_name").GetString().Should().Be("localhost");
            failure.GetProperty("versions_offered").EnumerateArray().Select(static item => item.GetString()).Should().Contain("TLSv1.3");
            failure.GetProperty("trust_bundle").GetString().Should().Contain("listener \"tls\"").And.Contain("validation_context");
            failure.GetProperty("remedy").GetString().Should().Contain("trusted_ca");
            Texts(failure, "presented_names").Should().Equal("DNS:stranger.test");
            var chain = failure.GetProperty("chain").EnumerateArray().Single();
            chain.GetProperty("subject").GetString().Should().Contain("CN=stranger");
            chain.GetProperty("issuer").GetString().Should().Be("CN=Other Root");
            chain.GetProperty("not_after").GetDateTimeOffset().Should().BeAfter(chain.GetProperty("not_before").GetDateTimeOffset());
        });
    }

    [Fact]
    public Task An_expired_one_is_refused() => RefusedAsync(
        Trust(_root.Pem), _root.Issue(new LeafRequest { NotBefore = TimeProvider.System.GetUtcNow().AddDays(-20), NotAfter = TimeProvider.System.GetUtcNow().AddDays(-10) }, "old.test"),
        "certificate has expired", "fail_verify_error", static failure => failure.GetProperty("chain")[0].GetProperty("not_after").GetDateTimeOffset().Should().BeBefore(TimeProvider.System.GetUtcNow()));

    [Fact]
    public async Task An_expired_one_is_let_in_where_that_is_allowed()
    {
        await using var proxy = await StartAsync(Trust(_root.Pem) + ", allow_expired_certificate: true");

        var expired = _root.Issue(new LeafRequest { NotBefore = TimeProvider.System.GetUtcNow().AddDays(-20), NotAfter = TimeProvider.System.GetUtcNow().AddDays(-10) }, "old.test");
        (await proxy.GetAsync(certificate: expired)).BodyText.Should().Be("hello");
    }

    [Fact]
    public Task One_that_is_not_valid_yet_is_refused() => RefusedAsync(
        Trust(_root.Pem), _root.Issue(new LeafRequest { NotBefore = TimeProvider.System.GetUtcNow().AddDays(1) }, "new.test"), "certificate is not yet valid", "fail_verify_error");

    [Fact]
    public Task A_self_signed_one_is_refused() => RefusedAsync(Trust(_root.Pem), TestCertificate.SelfSigned("self.test"), "self-signed certificate", "fail_verify_error");

    [Fact]
    public Task One_for_servers_alone_is_refused() => RefusedAsync(
        Trust(_root.Pem), _root.Issue(new LeafRequest { Purposes = ["1.3.6.1.5.5.7.3.1"] }, "server.test"), "unsuitable certificate purpose", "fail_verify_error");

    [Fact]
    public async Task A_revoked_one_is_refused_and_another_is_not()
    {
        var (good, bad) = (_root.Issue(null, "good.test"), _root.Issue(null, "bad.test"));
        _root.Revoke(bad);
        await using var proxy = await StartAsync($"{Trust(_root.Pem)}, crl: {Inline(_root.RevocationList())}");

        (await proxy.GetAsync(certificate: good)).BodyText.Should().Be("hello");
        await ExpectAsync(proxy, bad, "certificate revoked", "fail_verify_error");
    }

    [Fact]
    public async Task Without_the_intermediate_the_chain_is_truncated()
    {
        using var intermediate = _root.Intermediate();
        var leaf = intermediate.Issue(null, "client.test");
        await RefusedAsync(Trust(_root.Pem), leaf.WithoutChain(), "unable to get local issuer certificate", "fail_verify_error",
            static failure => failure.GetProperty("chain")[0].GetProperty("issuer").GetString().Should().Be("CN=Test Intermediate"));
    }

    [Fact]
    public async Task A_chain_that_is_cross_signed_is_let_in_by_either_root()
    {
        using var newRoot = TestAuthority.Root("New Root");
        using var crossSigned = _root.CrossSign(newRoot);
        var leaf = crossSigned.IssueBy(newRoot, "client.test");
        await using var proxy = await TlsProxy.StartAsync(
            $"{Listener(Chain(TlsContext(Server(), validation: Trust(_root.Pem)), routes: Says("old")))}, {Listener(Chain(TlsContext(Server(), validation: Trust(newRoot.Pem)), routes: Says("new")), name: "other")}");

        (await proxy.GetAsync(certificate: leaf)).BodyText.Should().Be("old");
        await using var client = await Testing.Http.RawHttpClient.ConnectTlsAsync(proxy.PortOf("other"), TlsProxy.Options(certificate: leaf));
        await client.SendAsync("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
        (await client.ReadResponseAsync()).BodyText.Should().Be("new");
    }

    [Theory]
    [InlineData("{san_type: DNS, matcher: {exact: client.test}}", true)]
    [InlineData("{san_type: DNS, matcher: {suffix: .test}}", true)]
    [InlineData("{san_type: URI, matcher: {prefix: 'spiffe://mesh.test/'}}", true)]
    [InlineData("{san_type: DNS, matcher: {safe_regex: {regex: 'cl[a-z]+[.]test'}}}", true)]
    [InlineData("{san_type: IP_ADDRESS, matcher: {exact: 192.0.2.7}}", true)]
    [InlineData("{san_type: EMAIL, matcher: {exact: me@client.test}}", true)]
    [InlineData("{san_type: DNS, matcher: {exact: other.test}}", false)]
    [InlineData("{san_type: URI, matcher: {exact: client.test}}", false)]
    public async Task Names_are_matched_by_kind(string matcher, bool isLetIn)
    {
        var client = _root.Issue(null, "client.test", "uri:spiffe://mesh.test/client", "ip:192.0.2.7", "email:me@client.test");
        await using var proxy = await StartAsync($"{Trust(_root.Pem)}, match_typed_subject_alt_names: [{matcher}]");

        if (isLetIn)
        {
            (await proxy.GetAsync(certificate: client)).BodyText.Should().Be("hello");
            return;
        }

        await ExpectAsync(proxy, client, "no subject alternative name is as demanded", "fail_verify_san", static failure =>
        {
            Texts(failure, "expected_names").Should().ContainSingle().Which.Should().Contain("test");
            Texts(failure, "presented_names").Should().Equal("DNS:client.test", "URI:spiffe://mesh.test/client", "IP:192.0.2.7", "email:me@client.test");
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pin_lets_one_certificate_in(bool byKey)
    {
        var (pinned, other) = (_root.Issue(null, "pinned.test"), _root.Issue(null, "other.test"));
        using var facts = Of(pinned);
        await using var proxy = await StartAsync($"{Trust(_root.Pem)}, {(byKey ? $"verify_certificate_spki: [\"{facts.SpkiHash}\"]" : $"verify_certificate_hash: [\"{facts.Fingerprint}\"]")}");

        (await proxy.GetAsync(certificate: pinned)).BodyText.Should().Be("hello");
        await ExpectAsync(proxy, other, "the certificate is none of those that are pinned", "fail_verify_cert_hash");
    }

    [Fact]
    public async Task A_chain_that_is_too_deep_is_refused()
    {
        using var one = _root.Intermediate("One");
        using var two = one.Intermediate("Two");
        await using var proxy = await StartAsync($"{Trust(_root.Pem)}, max_verify_depth: 1");

        (await proxy.GetAsync(certificate: one.Issue(null, "near.test"))).BodyText.Should().Be("hello");
        await ExpectAsync(proxy, two.Issue(null, "far.test"), "certificate chain too long", "fail_verify_error");
    }

    [Fact]
    public async Task An_untrusted_one_is_let_in_where_that_is_accepted()
    {
        await using var proxy = await StartAsync($"{Trust(_root.Pem)}, trust_chain_verification: ACCEPT_UNTRUSTED");

        (await proxy.GetAsync(certificate: TestCertificate.SelfSigned("self.test"))).BodyText.Should().Be("hello");
    }

    [Fact]
    public async Task Each_trust_domain_has_its_own_authorities()
    {
        using var other = TestAuthority.Root("Other Root");
        await using var proxy = await StartAsync($$"""
            custom_validator_config: {name: spiffe, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig, trust_domains: [
              {name: one.test, trust_bundle: {{Inline(_root.Pem)}} }, {name: two.test, trust_bundle: {{Inline(other.Pem)}} }] } }
            """);

        (await proxy.GetAsync(certificate: _root.Issue(null, "uri:spiffe://one.test/a"))).BodyText.Should().Be("hello");
        (await proxy.GetAsync(certificate: other.Issue(null, "uri:spiffe://two.test/a"))).BodyText.Should().Be("hello");
        await ExpectAsync(proxy, _root.Issue(null, "uri:spiffe://two.test/a"), "unable to get local issuer certificate", "fail_verify_error", null, 1);
        await ExpectAsync(proxy, _root.Issue(null, "uri:spiffe://three.test/a"), "no authorities are configured for the trust domain \"three.test\"", "fail_verify_error", null, 2);
        await ExpectAsync(proxy, _root.Issue(null, "one.test"), "a SPIFFE certificate has one URI name, this one has 0", "fail_verify_error", null, 3);
    }

    private static IEnumerable<string?> Texts(JsonElement failure, string list) => failure.GetProperty(list).EnumerateArray().Select(static item => item.GetString());

    private static PeerCertificate Of(TestCertificate certificate)
    {
        using var read = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(certificate.Pem);
        return new PeerCertificate(read.RawData);
    }

    private static async Task ExpectAsync(TlsProxy proxy, TestCertificate certificate, string reason, string stat, Action<JsonElement>? more = null, int number = 1)
    {
        await proxy.RefusedAsync(certificate: certificate);

        var failure = await proxy.FailureAsync(number);
        failure.GetProperty("reason").GetString().Should().StartWith(reason);
        failure.GetProperty("chain").GetArrayLength().Should().BePositive();
        more?.Invoke(failure);
        (await proxy.SslAsync(stat)).Should().Be(number);
        (await proxy.SslAsync("connection_error")).Should().Be(0);
    }

    private async Task RefusedAsync(string validation, TestCertificate certificate, string reason, string stat, Action<JsonElement>? more = null)
    {
        await using var proxy = await StartAsync(validation);
        await ExpectAsync(proxy, certificate, reason, stat, more);
    }

    private Task<TlsProxy> StartAsync(string validation) => TlsProxy.StartAsync(Listener(Chain(TlsContext(Server(), validation: validation), routes: Says("hello"))));

    private TestCertificate Server() => _root.Issue(null, "localhost");
}

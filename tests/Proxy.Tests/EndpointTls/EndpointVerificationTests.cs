using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using AwesomeAssertions;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Tls;
using static KubeProxyNet.Proxy.Tests.EndpointTls.SecuredProxy;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>What an endpoint has to prove, shown with a server of another implementation of TLS: who fails is told apart in the answer, the statistics, the access log and the program's log.</summary>
public sealed class EndpointVerificationTests
{
    private const string Name = "shop.test";

    private static readonly TestAuthority Root = TestAuthority.Root();
    private static readonly TestAuthority Middle = Root.Intermediate();

    /// <summary>Certificates that are good, each with what has to be demanded of it.</summary>
    public static TheoryData<string> GoodOnes => ["chain", "exact name", "wildcard", "spiffe", "certificate pin", "key pin", "cross-signed", "self-signed and trusted", "accepted untrusted"];

    public static TheoryData<string, string, string, string> BadOnes => new()
    {
        { "expired", "fail_verify_error", "certificate has expired", "renew the certificate" },
        { "not yet valid", "fail_verify_error", "certificate is not yet valid", "look at the clocks" },
        { "wrong name", "fail_verify_san", "no subject alternative name is as demanded", "match_typed_subject_alt_names" },
        { "wrong authority", "fail_verify_error", "unable to get local issuer certificate", "add the issuer to trusted_ca" },
        { "self-signed", "fail_verify_error", "self-signed certificate", "add the certificate to trusted_ca" },
        { "revoked", "fail_verify_error", "certificate revoked", "withdrawn by its issuer" },
        { "truncated chain", "fail_verify_error", "unable to get local issuer certificate", "have the peer send its intermediates" },
        { "for clients only", "fail_verify_error", "unsuitable certificate purpose", "extended key usage" },
        { "another trust domain", "fail_verify_error", "no authorities are configured for the trust domain", "trust_domains" },
        { "wrong pin", "fail_verify_cert_hash", "the certificate is none of those that are pinned", "verify_certificate_hash" },
    };

    [Theory]
    [MemberData(nameof(GoodOnes))]
    public async Task A_good_endpoint_is_used(string which)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "fine"));
        var certificate = which switch
        {
            "spiffe" => Middle.Issue(null, "uri:spiffe://mesh.test/shop"),
            "self-signed and trusted" => TestCertificate.SelfSigned(Name),
            "wildcard" => Middle.Issue(null, "*.test"),
            _ => Middle.Issue(null, Name),
        };
        var validation = which switch
        {
            "exact name" or "wildcard" => Trust(Root.Pem, Demand("DNS", $"exact: {Name}")),
            "spiffe" => Spiffe(("other.test", TestAuthority.Root().Pem), ("mesh.test", Root.Pem)),
            "certificate pin" => Trust(Root.Pem, $"verify_certificate_hash: [ {HashOf(certificate)} ]"),
            "key pin" => Trust(Root.Pem, $"verify_certificate_spki: [ \"{KeyHashOf(certificate)}\" ]"),
            "cross-signed" => Trust(CrossSigned.Other.Pem),
            "self-signed and trusted" => Trust(certificate.Pem),
            "accepted untrusted" => Trust(TestAuthority.Root().Pem, "trust_chain_verification: ACCEPT_UNTRUSTED"),
            _ => Trust(Root.Pem),
        };
        certificate = which == "cross-signed" ? CrossSigned.Leaf : certificate;
        await using var front = TlsFront.Start(backend.Port, certificate);
        await using var proxy = await SecuredProxy.StartAsync(Common(validation), front.Port);
        var response = await proxy.GetAsync();
        response.Status.Should().Be(200, string.Join('\n', proxy.Log));
        (await proxy.StatAsync("cluster.backend.ssl.handshake")).Should().Be(1);
        (await proxy.AccessLogAsync()).Should().Be("200 - via_upstream - TLSv1.2");
        proxy.Log.Should().NotContain(static line => line.Contains("handshake failed"));
    }

    [Theory]
    [MemberData(nameof(BadOnes))]
    public async Task A_bad_endpoint_is_not_spoken_to_and_everything_says_why(string which, string stat, string reason, string remedy)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "fine"));
        var certificate = which switch
        {
            "expired" => Middle.Issue(new LeafRequest { NotAfter = DateTimeOffset.UtcNow.AddMinutes(-1) }, Name),
            "not yet valid" => Middle.Issue(new LeafRequest { NotBefore = DateTimeOffset.UtcNow.AddHours(1) }, Name),
            "self-signed" => TestCertificate.SelfSigned(Name),
            "wrong name" => Middle.Issue(null, "elsewhere.test", "uri:spiffe://mesh.test/elsewhere"),
            "for clients only" => Middle.Issue(new LeafRequest { Purposes = ["1.3.6.1.5.5.7.3.2"] }, Name),
            "another trust domain" => Middle.Issue(null, "uri:spiffe://mesh.test/shop"),
            _ => Middle.Issue(null, Name),
        };
        if (which == "revoked")
        {
            Middle.Revoke(certificate);
        }

        var validation = which switch
        {
            "wrong authority" => Trust(TestAuthority.Root("Another Root").Pem),
            "wrong name" => Trust(Root.Pem, Demand("DNS", $"exact: {Name}")),
            "revoked" => Trust(Root.Pem + Middle.Pem, $"crl: {Inline(Middle.RevocationList())}", "only_verify_leaf_cert_crl: true"),
            "another trust domain" => Spiffe(("other.test", Root.Pem)),
            "wrong pin" => Trust(Root.Pem, $"verify_certificate_hash: [ {new string('a', 64)} ]"),
            _ => Trust(Root.Pem),
        };
        await using var front = TlsFront.Start(backend.Port, certificate, sendsChain: which != "truncated chain");
        await using var proxy = await SecuredProxy.StartAsync($"sni: {Name}, {Common(validation)}", front.Port);

        var response = await proxy.GetAsync();
        response.Status.Should().Be(503);
        var failure = $"TLS_error:{reason}".Replace(' ', '_');
        response.BodyText.Should().StartWith("upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:").And.Contain(failure);
        (await proxy.AccessLogAsync()).Should().StartWith("503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:").And.Contain($"}} {failure}");
        (await proxy.StatAsync($"cluster.backend.ssl.{stat}")).Should().Be(1);
        (await proxy.StatAsync("cluster.backend.ssl.handshake")).Should().Be(0);
        (await proxy.StatAsync("cluster.backend.upstream_cx_connect_fail")).Should().Be(1);
        backend.Requests.Should().BeEmpty();

        var record = await proxy.FailureAsync();
        record.GetProperty("side").GetString().Should().Be("upstream");
        record.GetProperty("resource").GetString().Should().Be("cluster \"backend\"");
        record.GetProperty("peer").GetString().Should().Be($"127.0.0.1:{front.Port}");
        record.GetProperty("server_name").GetString().Should().Be(Name);
        record.GetProperty("reason").GetString().Should().Contain(reason);
        Text(record, "remedy").Should().Contain(remedy);
        record.GetProperty("trust_bundle").GetString().Should().Contain("cluster \"backend\"");
        record.GetProperty("presented_names").EnumerateArray().Should().NotBeEmpty();
        record.GetProperty("chain")[0].GetProperty("subject").GetString().Should().Contain("leaf");
        if (which == "wrong name")
        {
            record.GetProperty("expected_names").EnumerateArray().Should().ContainSingle().Which.GetString().Should().Contain(Name);
            record.GetProperty("presented_names").ToString().Should().Contain("elsewhere.test").And.Contain("spiffe://mesh.test/elsewhere");
        }
    }

    [Fact]
    public async Task A_retry_goes_from_an_endpoint_with_a_bad_certificate_to_a_good_one()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "fine"));
        await using var bad = TlsFront.Start(backend.Port, TestCertificate.SelfSigned(Name));
        await using var good = TlsFront.Start(backend.Port, Middle.Issue(null, Name));
        await using var proxy = await SecuredProxy.StartAsync(
            [Cluster("backend", Common(Trust(Root.Pem)), "", bad.Port, good.Port)],
            route: ", retry_policy: { retry_on: connect-failure, num_retries: 3, retry_back_off: { base_interval: 0.001s }, retry_host_predicate: [ { name: p, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate } } ], host_selection_retry_max_attempts: 5 }");
        for (var i = 0; i < 6; i++)
        {
            (await proxy.GetAsync()).Status.Should().Be(200);
        }

        good.Handshakes.Should().NotBeEmpty();
        (await proxy.StatAsync("cluster.backend.ssl.fail_verify_error")).Should().BePositive();
        (await proxy.StatAsync("cluster.backend.upstream_rq_retry_success")).Should().BePositive();
    }

    [Fact]
    public async Task An_endpoint_that_stalls_inside_the_handshake_is_given_up_after_the_connect_timeout()
    {
        await using var silent = ScriptedBackend.Start(static connection => connection.DrainAsync());
        var cluster = Cluster("backend", Common(Trust(Root.Pem)), "", silent.Port).Replace("connect_timeout: 5s", "connect_timeout: 0.2s", StringComparison.Ordinal);
        await using var proxy = await SecuredProxy.StartAsync([cluster]);
        (await proxy.GetAsync()).Status.Should().Be(503);
        (await proxy.AccessLogAsync()).Should().StartWith("503 UF upstream_reset_before_response_started{connection_timeout}");
        (await proxy.StatAsync("cluster.backend.upstream_cx_connect_timeout")).Should().Be(1);
        (await proxy.FailureAsync()).GetProperty("reason").GetString().Should().Be("the handshake took longer than connect_timeout");
    }

    [Fact]
    public async Task An_endpoint_that_speaks_plain_text_is_told_so()
    {
        await using var plain = ScriptedBackend.Start(static async connection => await connection.SendAsync("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
        await using var proxy = await SecuredProxy.StartAsync(Common(Trust(Root.Pem)), plain.Port);
        (await proxy.GetAsync()).Status.Should().Be(503);
        (await proxy.StatAsync("cluster.backend.ssl.connection_error")).Should().Be(1);
        (await proxy.FailureAsync()).GetProperty("remedy").GetString().Should().Contain("does not speak TLS");
        plain.TakeFaults();
    }

    private static (TestCertificate Leaf, TestAuthority Other) CrossSigned { get; } = MakeCrossSigned();

    private static (TestCertificate Leaf, TestAuthority Other) MakeCrossSigned()
    {
        // The intermediate is vouched for by two roots; the endpoint sends what leads to the second.
        var other = TestAuthority.Root("Other Root");
        return (other.CrossSign(Middle).Issue(null, Name), other);
    }

    private static string Text(JsonElement record, string name) => record.TryGetProperty(name, out var value) ? value.GetString()! : "";

    private static string Spiffe(params (string Domain, string Pem)[] domains) =>
        "validation_context: { custom_validator_config: { name: envoy.tls.cert_validator.spiffe, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig, trust_domains: [ "
        + string.Join(", ", domains.Select(static domain => $"{{ name: {domain.Domain}, trust_bundle: {Inline(domain.Pem)} }}")) + " ] } } }";

    private static string HashOf(TestCertificate certificate)
    {
        using var read = X509Certificate2.CreateFromPem(certificate.Pem);
        return Convert.ToHexStringLower(SHA256.HashData(read.RawData));
    }

    private static string KeyHashOf(TestCertificate certificate)
    {
        using var read = X509Certificate2.CreateFromPem(certificate.Pem);
        return Convert.ToBase64String(SHA256.HashData(read.PublicKey.ExportSubjectPublicKeyInfo()));
    }
}

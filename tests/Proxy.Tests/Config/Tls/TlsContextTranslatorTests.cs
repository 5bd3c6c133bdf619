using AwesomeAssertions;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;
using SanType = KubeProxyNet.Proxy.Tls.Settings.SanType;
using TlsParameters = KubeProxyNet.Proxy.Tls.Settings.TlsParameters;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

public sealed class TlsContextTranslatorTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly SampleCertificate Sample = SampleCertificate.Elliptic();

    [Fact]
    public void The_defaults_are_those_of_Envoy()
    {
        var server = Server("").Resolve(None.Secrets);
        server.Parameters.Should().Be(TlsParameters.Default);
        server.Certificates.Should().ContainSingle();
        server.Validation.Should().BeNull();
        server.SessionTimeout.Should().Be(TimeSpan.FromHours(2));

        var client = Client("").Resolve(None.Secrets);
        client.Parameters.Should().Be(new TlsParameters { Maximum = TlsVersion.Tls12 }, "Envoy's clients stop at TLS 1.2 unless told otherwise");
        client.MaxSessionKeys.Should().Be(1);
        client.Validation.Should().BeNull();
    }

    [Fact]
    public void What_is_configured_is_taken_over()
    {
        var server = Server("require_client_certificate: true, full_scan_certs_on_sni_mismatch: true, session_timeout: 60s, disable_stateful_session_resumption: true", """
            alpn_protocols: ["http/1.1,acme-tls/1"],
            tls_params: {tls_minimum_protocol_version: TLSv1_3, cipher_suites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], ecdh_curves: ["X25519MLKEM768:X25519", P-256]}
            """).Resolve(None.Secrets);
        server.RequireClientCertificate.Should().BeTrue();
        server.FullScanCertsOnSniMismatch.Should().BeTrue();
        server.DisableStatefulResumption.Should().BeTrue();
        server.SessionTimeout.Should().Be(TimeSpan.FromMinutes(1));
        server.AlpnProtocols.Should().Equal("http/1.1", "acme-tls/1");
        server.Parameters.Minimum.Should().Be(TlsVersion.Tls13);
        server.Parameters.CipherSuites.Should().Equal("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256");
        server.Parameters.Groups.Should().Equal("X25519MLKEM768", "X25519", "P-256");
    }

    [Theory]
    [InlineData("session_timeout: -1s", "", "session_timeout: -1 s is no time")]
    [InlineData("session_ticket_keys: {keys: [{inline_string: short}]}", "", "session_ticket_keys.keys[0]: a session ticket key has exactly 80 bytes, this one has 5")]
    [InlineData("session_ticket_keys: {}", "", "session_ticket_keys.keys: there is no key")]
    [InlineData("", "tls_params: {tls_minimum_protocol_version: TLSv1_1}", "common_tls_context.tls_params.tls_minimum_protocol_version: TLS 1.0 and 1.1 are not spoken here")]
    [InlineData("", "tls_params: {tls_maximum_protocol_version: TLSv1_0}", "common_tls_context.tls_params.tls_maximum_protocol_version: TLS 1.0 and 1.1 are not spoken here")]
    [InlineData("", "tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2}", "common_tls_context.tls_params.tls_minimum_protocol_version: TLS 1.3 at least is more than the maximum")]
    [InlineData("", "tls_params: {cipher_suites: [ECDHE-ECDSA-AES128-GCM-SHA256, RC4-SHA]}", "common_tls_context.tls_params.cipher_suites[1]: there is no cipher suite \"RC4-SHA\" here")]
    [InlineData("", "tls_params: {cipher_suites: [TLS_AES_128_GCM_SHA256]}", "common_tls_context.tls_params.cipher_suites[0]: TLS_AES_128_GCM_SHA256 is a suite of TLS 1.3")]
    [InlineData("", "tls_params: {ecdh_curves: [P-224]}", "common_tls_context.tls_params.ecdh_curves[0]: there is no curve or group \"P-224\" here")]
    [InlineData("", "tls_params: {signature_algorithms: [rsa_pkcs1_sha1]}", "common_tls_context.tls_params.signature_algorithms[0]: there is no signature algorithm")]
    [InlineData("", "alpn_protocols: ['']", "common_tls_context.alpn_protocols[0]: \"\" is no protocol of ALPN")]
    [InlineData("", "tls_certificate_sds_secret_configs: [{name: a, sds_config: {ads: {}}}]", "common_tls_context.tls_certificate_sds_secret_configs: SDS and non-SDS TLS certificates may not be mixed")]
    [InlineData("", "validation_context_sds_secret_config: {name: a, sds_config: {api_config_source: {api_type: GRPC}}}", "common_tls_context.validation_context_sds_secret_config.sds_config.api_config_source.grpc_services: there are 0 services")]
    [InlineData("", "validation_context_sds_secret_config: {name: a, sds_config: {path_config_source: {path: /no/such}}}", "common_tls_context.validation_context_sds_secret_config.sds_config.path_config_source.path: \"/no/such\" does not exist")]
    [InlineData("", "validation_context: {verify_certificate_hash: [abc]}", "common_tls_context.validation_context.verify_certificate_hash[0]: \"abc\" is no SHA-256 hash in hex")]
    [InlineData("", "validation_context: {verify_certificate_spki: [abc]}", "common_tls_context.validation_context.verify_certificate_spki[0]: \"abc\" is no SHA-256 hash in Base64")]
    [InlineData("", "validation_context: {trusted_ca: {inline_string: x}}", "common_tls_context.validation_context.trusted_ca: holds no certificate in PEM")]
    [InlineData("", "validation_context: {crl: {inline_string: x}}", "common_tls_context.validation_context.crl: holds no revocation list in PEM")]
    [InlineData("", "validation_context: {match_typed_subject_alt_names: [{matcher: {exact: a}}]}", "common_tls_context.validation_context.match_typed_subject_alt_names[0].san_type: the kind of name is missing")]
    [InlineData("", "validation_context: {match_typed_subject_alt_names: [{san_type: OTHER_NAME, matcher: {exact: a}}]}", "common_tls_context.validation_context.match_typed_subject_alt_names[0].oid: \"\" is no object identifier")]
    [InlineData("", "validation_context: {match_typed_subject_alt_names: [{san_type: DNS, matcher: {safe_regex: {regex: '('}}}]}", "common_tls_context.validation_context.match_typed_subject_alt_names[0].matcher.safe_regex.regex: ")]
    [InlineData("", "validation_context: {max_verify_depth: 101}", "common_tls_context.validation_context.max_verify_depth: 101 is more than 100")]
    [InlineData("", "validation_context: {watched_directory: {path: /no/such}}", "common_tls_context.validation_context.watched_directory.path: \"/no/such\" is no directory")]
    [InlineData("", "validation_context: {custom_validator_config: {name: mine}}", "common_tls_context.validation_context.custom_validator_config.typed_config: \"mine\" is not supported")]
    public void What_cannot_be_done_is_refused_by_field(string fields, string common, string fault)
    {
        var problems = new TranslationProblems();
        new TlsContextTranslator(Now, "listener \"l\"", problems).Downstream(Context<DownstreamTlsContext>(fields, common), offersHttp2: true, ConfigPath.Root).Should().BeNull();
        problems.Found.Should().Contain(problem => problem.ToString().StartsWith(fault));
    }

    [Fact]
    public void A_server_needs_a_certificate_and_a_client_takes_one_at_most()
    {
        var problems = new TranslationProblems();
        new TlsContextTranslator(Now, "l", problems).Downstream(new DownstreamTlsContext(), offersHttp2: true, ConfigPath.Root).Should().BeNull();
        problems.Found.Single().Message.Should().Be("there is no certificate to show to clients");

        var two = new UpstreamTlsContext { CommonTlsContext = new() { TlsCertificates = { Sample.Message, Sample.Message } } };
        problems = new TranslationProblems();
        new TlsContextTranslator(Now, "c", problems).Upstream(two, ConfigPath.Root).Should().BeNull();
        problems.Found.Single().Message.Should().Be("multiple TLS certificates are not supported for client contexts");
    }

    [Theory]
    [InlineData("match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: a}}]", "SAN-based verification of peer certificates without trusted CA is insecure and not allowed")]
    [InlineData("match_subject_alt_names: [{exact: a}]", "SAN-based verification of peer certificates without trusted CA is insecure and not allowed")]
    [InlineData("allow_expired_certificate: true", "the time of a certificate is always ignored without trusted CA")]
    public void What_needs_an_authority_is_refused_without(string validation, string fault)
    {
        var problems = new TranslationProblems();
        Client("", $"validation_context: {{{validation}}}").Check(None.Secrets, problems);
        problems.Found.Single().Message.Should().Be(fault);
    }

    [Fact]
    public void Names_and_pins_are_taken_over()
    {
        var hash = new string('A', 64);
        var spki = Convert.ToBase64String(new byte[32]);
        var colons = string.Join(':', Enumerable.Repeat("Ab", 32));
        var validation = Client("", $$$"""
            validation_context: {verify_certificate_hash: [{{{hash}}}, "{{{colons}}}"], verify_certificate_spki: ["{{{spki}}}"], trust_chain_verification: ACCEPT_UNTRUSTED, max_verify_depth: 3,
              match_typed_subject_alt_names: [{san_type: URI, matcher: {prefix: "spiffe://example.org/"}}, {san_type: DNS, matcher: {exact: a.example}}, {san_type: EMAIL, matcher: {safe_regex: {regex: "[ab]+@x"} } } ] }
            """).Resolve(None.Secrets).Validation!;
        validation.CertificateHashes.Should().Equal(hash.ToLowerInvariant(), string.Concat(Enumerable.Repeat("ab", 32)));
        validation.SpkiHashes.Should().Equal(spki);
        validation.AcceptUntrusted.Should().BeTrue();
        validation.MaxVerifyDepth.Should().Be(3);
        validation.Sans.Select(static san => san.Type).Should().Equal(SanType.Uri, SanType.Dns, SanType.Email);
        validation.Sans[0].Text.Matches("spiffe://example.org/x"u8).Should().BeTrue();
        validation.Sans[0].Text.Exact.Should().BeNull();
        validation.Sans[1].Text.Exact.Should().Be("a.example");
        validation.Sans[2].Text.Matches("ab@x"u8).Should().BeTrue();
        validation.Sans[2].Text.Matches("c@x"u8).Should().BeFalse();
        validation.Sans[0].Text.ToString().Should().Be("prefix 'spiffe://example.org/'");
    }

    [Fact]
    public void The_deprecated_names_are_of_every_kind() =>
        Client("", "validation_context: {match_subject_alt_names: [{exact: a}]}").Resolve(None.Secrets).Validation!
            .Sans.Select(static san => san.Type).Should().BeEquivalentTo([SanType.Dns, SanType.Uri, SanType.Email, SanType.IpAddress]);

    [Fact]
    public void Trust_domains_have_their_own_authorities()
    {
        var context = new UpstreamTlsContext { CommonTlsContext = new() { ValidationContext = new() { CustomValidatorConfig = Spiffe(("a.org", Sample.Chain), ("b.org", Sample.Chain)) } } };
        Translate(context).Resolve(None.Secrets).Validation!.TrustDomains.Select(static domain => domain.Name).Should().Equal("a.org", "b.org");

        var map = $$$"""{"trust_domains": {"c.org": {"keys": [{"use": "x509-svid", "x5c": ["{{{Convert.ToBase64String(Sample.Certificate.RawData)}}}"]}]} } }""";
        context.CommonTlsContext.ValidationContext.CustomValidatorConfig.TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(new SPIFFECertValidatorConfig { TrustBundles = new() { InlineString = map } });
        var domain = Translate(context).Resolve(None.Secrets).Validation!.TrustDomains.Single();
        (domain.Name, domain.TrustedCa.Trim()).Should().Be(("c.org", Sample.Chain));

        context.CommonTlsContext.ValidationContext.CustomValidatorConfig = Spiffe(("a.org", Sample.Chain), ("a.org", Sample.Chain));
        var problems = new TranslationProblems();
        new TlsContextTranslator(Now, "c", problems).Upstream(context, ConfigPath.Root).Should().BeNull();
        problems.Found.Single().Message.Should().Be("there are several trust bundles for the trust domain \"a.org\"");
    }

    [Fact]
    public void Http_2_is_offered_but_where_http_1_alone_is_spoken()
    {
        var message = Context<DownstreamTlsContext>("", "alpn_protocols: ['h2,http/1.1']");
        var problems = new TranslationProblems();
        new TlsContextTranslator(Now, "l", problems).Downstream(message, offersHttp2: true, ConfigPath.Root)!.Settings.AlpnProtocols.Should().Equal("h2", "http/1.1");
        problems.Ignored.Should().BeEmpty();

        new TlsContextTranslator(Now, "l", problems).Downstream(message, offersHttp2: false, ConfigPath.Root)!.Settings.AlpnProtocols.Should().Equal("http/1.1");
        problems.Ignored.Single().ToString().Should().Be("common_tls_context.alpn_protocols[0]: codec_type is HTTP1, so \"h2\" is not offered; remove \"h2\", or write codec_type: AUTO");
    }

    [Fact]
    public void A_context_that_waits_for_a_secret_says_so()
    {
        var plan = Client("", "validation_context_sds_secret_config: {name: ca, sds_config: {ads: {}}}");
        plan.IsReady(None.Secrets).Should().BeFalse();
        plan.Resolve(None.Secrets).SecretsAreMissing.Should().BeTrue();
    }

    private static Envoy.Config.Core.V3.TypedExtensionConfig Spiffe(params (string Name, string Bundle)[] domains) => new()
    {
        Name = "envoy.tls.cert_validator.spiffe",
        TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(new SPIFFECertValidatorConfig
        {
            TrustDomains = { domains.Select(static domain => new SPIFFECertValidatorConfig.Types.TrustDomain { Name = domain.Name, TrustBundle = new() { InlineString = domain.Bundle } }) },
        }),
    };

    private static DownstreamTlsPlan Server(string fields, string common = "")
    {
        var problems = new TranslationProblems();
        var plan = new TlsContextTranslator(Now, "listener \"l\"", problems).Downstream(Context<DownstreamTlsContext>(fields, common), offersHttp2: true, ConfigPath.Root);
        problems.Found.Should().BeEmpty();
        return plan!;
    }

    private static UpstreamTlsPlan Client(string fields, string common = "") => Translate(Context<UpstreamTlsContext>(fields, common));

    private static UpstreamTlsPlan Translate(UpstreamTlsContext context)
    {
        var problems = new TranslationProblems();
        var plan = new TlsContextTranslator(Now, "cluster \"c\"", problems).Upstream(context, ConfigPath.Root);
        problems.Found.Should().BeEmpty();
        return plan!;
    }

    private static T Context<T>(string fields, string common)
        where T : class, Google.Protobuf.IMessage, new()
    {
        var message = FromYaml.Message<T>($"{{common_tls_context: {{{common}}}, {fields}}}");
        if (message is DownstreamTlsContext server)
        {
            server.CommonTlsContext.TlsCertificates.Add(Sample.Message);
        }

        return message;
    }

    private sealed class None : ISecrets
    {
        public static None Secrets { get; } = new();

        public TlsSecret? Find(SecretReference reference) => null;
    }
}

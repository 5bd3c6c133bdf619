using System.Security.Cryptography;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Extensions.TransportSockets.Tls.V3.SubjectAltNameMatcher.Types.SanType;
using Verification = Envoy.Extensions.TransportSockets.Tls.V3.CertificateValidationContext.Types.TrustChainVerification;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Reads a <c>CertificateValidationContext</c>. What its parts ask of one another is for <see cref="Check"/>, once they are put together.</summary>
internal static class ValidationContextReader
{
    private const uint MaxDepth = 100;

    // Where distributions keep what they trust.
    private static readonly string[] SystemRoots = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

    private static readonly SanType[] TypesOfUntyped = [SanType.Dns, SanType.Uri, SanType.Email, SanType.IpAddress];

    /// <summary>The settings; null after a problem.</summary>
    public static PeerValidationConfig? Read(CertificateValidationContext message, string source, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        if (message.MaxVerifyDepth > MaxDepth)
        {
            problems.Add(path.Field("max_verify_depth"), $"{message.MaxVerifyDepth} is more than {MaxDepth}", $"write a number up to {MaxDepth}");
        }

        var config = new PeerValidationConfig
        {
            Source = source,
            TrustedCa = TrustedCaOf(message, problems, path),
            Crl = message.Crl is null ? "" : RevocationLists(message, problems, path.Field("crl")),
            OnlyVerifyLeafCrl = message.OnlyVerifyLeafCertCrl,
            CertificateHashes = new ValueList<string>(message.VerifyCertificateHash.Select((text, i) => HexHash(text, problems, path.Field("verify_certificate_hash").Index(i)))),
            SpkiHashes = new ValueList<string>(message.VerifyCertificateSpki.Select((text, i) => SpkiHash(text, problems, path.Field("verify_certificate_spki").Index(i)))),
            Sans = new ValueList<SanMatcher>(SansOf(message, problems, path)),
            AllowExpired = message.AllowExpiredCertificate,
            MaxVerifyDepth = (int?)message.MaxVerifyDepth,
            AcceptUntrusted = message.TrustChainVerification == Verification.AcceptUntrusted,
            TrustDomains = SpiffeBundles.Read(message.CustomValidatorConfig, problems, path.Field("custom_validator_config")),
        };
        return problems.Found.Count > before ? null : config;
    }

    /// <summary>A context of the configuration with what was fetched over it, as protobuf merges messages: texts and switches that are set win, lists follow one another.</summary>
    public static PeerValidationConfig Merge(PeerValidationConfig defaults, PeerValidationConfig fetched) => fetched with
    {
        TrustedCa = fetched.TrustedCa.Length > 0 ? fetched.TrustedCa : defaults.TrustedCa,
        Crl = fetched.Crl.Length > 0 ? fetched.Crl : defaults.Crl,
        OnlyVerifyLeafCrl = fetched.OnlyVerifyLeafCrl || defaults.OnlyVerifyLeafCrl,
        CertificateHashes = new ValueList<string>(defaults.CertificateHashes.Concat(fetched.CertificateHashes)),
        SpkiHashes = new ValueList<string>(defaults.SpkiHashes.Concat(fetched.SpkiHashes)),
        Sans = new ValueList<SanMatcher>(defaults.Sans.Concat(fetched.Sans)),
        AllowExpired = fetched.AllowExpired || defaults.AllowExpired,
        MaxVerifyDepth = fetched.MaxVerifyDepth ?? defaults.MaxVerifyDepth,
        AcceptUntrusted = fetched.AcceptUntrusted || defaults.AcceptUntrusted,
        TrustDomains = fetched.TrustDomains.Count > 0 ? fetched.TrustDomains : defaults.TrustDomains,
    };

    /// <summary>What makes no sense without a trusted authority is refused, as Envoy does.</summary>
    public static void Check(PeerValidationConfig config, TranslationProblems problems, ConfigPath path)
    {
        if (config.TrustedCa.Length > 0 || config.TrustDomains.Count > 0)
        {
            return;
        }

        const string Remedy = "add trusted_ca";
        if (config.Crl.Length > 0)
        {
            problems.Add(path.Field("crl"), "a revocation list without trusted CA says nothing", Remedy);
        }

        if (config.Sans.Count > 0)
        {
            problems.Add(path.Field("match_typed_subject_alt_names"), "SAN-based verification of peer certificates without trusted CA is insecure and not allowed", Remedy);
        }

        if (config.AllowExpired)
        {
            problems.Add(path.Field("allow_expired_certificate"), "the time of a certificate is always ignored without trusted CA", Remedy);
        }
    }

    private static string TrustedCaOf(CertificateValidationContext message, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var place = path.Field(message.TrustedCa is null ? "system_root_certs" : "trusted_ca");
        ReadOnlyMemory<byte> bytes;
        if (message.TrustedCa is not null)
        {
            bytes = DataSourceReader.Read(message.TrustedCa, problems, place);
        }
        else if (message.SystemRootCerts is null)
        {
            return "";
        }
        else if (SystemRoots.FirstOrDefault(File.Exists) is { } file)
        {
            bytes = DataSourceReader.Read(new Envoy.Config.Core.V3.DataSource { Filename = file }, problems, place);
        }
        else
        {
            problems.Add(place, "this system has none", "install its package of CA certificates, or add trusted_ca");
            return "";
        }

        if (problems.Found.Count > before || PemCertificates.Read(bytes, problems, place) is not { } authorities)
        {
            return "";
        }

        var text = PemCertificates.TextOf(authorities);
        PemCertificates.Dispose(authorities);
        return text;
    }

    private static string RevocationLists(CertificateValidationContext message, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var bytes = DataSourceReader.Read(message.Crl, problems, path);
        return problems.Found.Count > before ? "" : PemCertificates.ReadRevocationLists(bytes, problems, path);
    }

    private static string HexHash(string text, TranslationProblems problems, ConfigPath path)
    {
        var digits = text.Replace(":", "", StringComparison.Ordinal);
        if (digits.Length == 2 * SHA256.HashSizeInBytes && digits.All(char.IsAsciiHexDigit) && text.Length is 64 or 95)
        {
            return digits.ToLowerInvariant();
        }

        problems.Add(path, $"\"{text}\" is no SHA-256 hash in hex", "write the 64 digits of: openssl x509 -in CERT -outform DER | openssl dgst -sha256");
        return "";
    }

    private static string SpkiHash(string text, TranslationProblems problems, ConfigPath path)
    {
        var bytes = new byte[SHA256.HashSizeInBytes + 1];
        if (Convert.TryFromBase64String(text, bytes, out var length) && length == SHA256.HashSizeInBytes)
        {
            return Convert.ToBase64String(bytes, 0, length);
        }

        problems.Add(path, $"\"{text}\" is no SHA-256 hash in Base64", "write the 44 characters of: openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64");
        return "";
    }

    private static List<SanMatcher> SansOf(CertificateValidationContext message, TranslationProblems problems, ConfigPath path)
    {
        var sans = new List<SanMatcher>();
        if (message.MatchTypedSubjectAltNames.Count > 0 && message.MatchSubjectAltNames.Count > 0)
        {
            problems.Add(path.Field("match_subject_alt_names"), "excludes match_typed_subject_alt_names, which is set too", "keep match_typed_subject_alt_names");
            return sans;
        }

        for (var i = 0; i < message.MatchSubjectAltNames.Count; i++)
        {
            if (MatcherOf(message.MatchSubjectAltNames[i], problems, path.Field("match_subject_alt_names").Index(i)) is { } matcher)
            {
                sans.AddRange(TypesOfUntyped.Select(type => new SanMatcher(type, matcher)));
            }
        }

        for (var i = 0; i < message.MatchTypedSubjectAltNames.Count; i++)
        {
            if (San(message.MatchTypedSubjectAltNames[i], problems, path.Field("match_typed_subject_alt_names").Index(i)) is { } san)
            {
                sans.Add(san);
            }
        }

        return sans;
    }

    private static SanMatcher? San(SubjectAltNameMatcher message, TranslationProblems problems, ConfigPath path)
    {
        SanType? type = message.SanType switch
        {
            Proto.Email => SanType.Email,
            Proto.Dns => SanType.Dns,
            Proto.Uri => SanType.Uri,
            Proto.IpAddress => SanType.IpAddress,
            Proto.OtherName => SanType.OtherName,
            _ => null,
        };
        if (type is null)
        {
            problems.Add(path.Field("san_type"), "the kind of name is missing", "write EMAIL, DNS, URI, IP_ADDRESS or OTHER_NAME");
        }

        if (type == SanType.OtherName && !IsOid(message.Oid))
        {
            problems.Add(path.Field("oid"), $"\"{message.Oid}\" is no object identifier", "write the other name's, such as 1.3.6.1.4.1.311.20.2.3");
        }

        return MatcherOf(message.Matcher, problems, path.Field("matcher")) is { } matcher && type is { } kind ? new SanMatcher(kind, matcher, kind == SanType.OtherName ? message.Oid : "") : null;
    }

    private static NameMatcher? MatcherOf(Envoy.Type.Matcher.V3.StringMatcher? message, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var source = MatcherTranslator.String(message ?? new Envoy.Type.Matcher.V3.StringMatcher(), problems, path);
        if (problems.Found.Count > before)
        {
            return null;
        }

        var scope = new CompilationScope(Re2Syntax.Read);
        var matcher = new NameMatcher(source, scope, "");
        foreach (var error in scope.Errors)
        {
            problems.Add(path.Field("safe_regex").Field("regex"), error.Message, error.Remedy);
        }

        return scope.Errors.Count == 0 ? matcher : null;
    }

    private static bool IsOid(string text) => text.Contains('.', StringComparison.Ordinal) && text.Split('.').All(static arc => arc.Length > 0 && arc.All(char.IsAsciiDigit));
}

using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>The secrets in force.</summary>
internal interface ISecrets
{
    /// <summary>A secret that is asked for; null while it has not come.</summary>
    TlsSecret? Find(SecretReference reference);
}

/// <summary>A secret of a TLS context: it stands in it, or it is asked for by name.</summary>
/// <param name="Inline">The secret; null where it is asked for.</param>
/// <param name="Reference">What is asked for; null where it stands in the context.</param>
internal sealed record SecretPart(TlsSecret? Inline, SecretReference? Reference)
{
    /// <summary>What it holds; null while it has not come.</summary>
    public SecretValue? In(ISecrets secrets) => SecretIn(secrets)?.Value;

    /// <summary>The secret; null while it has not come.</summary>
    public TlsSecret? SecretIn(ISecrets secrets) => Inline ?? secrets.Find(Reference!);
}

/// <summary>A TLS context before its secrets are in place. Those in it may change with their files, those that it asks for by discovery.</summary>
internal abstract class TlsPlan
{
    /// <summary>Its certificates.</summary>
    public required IReadOnlyList<SecretPart> Certificates { get; init; }

    /// <summary>How the peer is judged; null where it is not.</summary>
    public SecretPart? Validation { get; init; }

    /// <summary>What <see cref="Validation"/> is put over (<c>combined_validation_context</c>); null for nothing.</summary>
    public SecretPart? DefaultValidation { get; init; }

    /// <summary>Keys of session tickets; null for none.</summary>
    public SecretPart? TicketKeys { get; init; }

    /// <summary>Where its <c>common_tls_context</c> stands.</summary>
    public required ConfigPath Place { get; init; }

    /// <summary>All its secrets.</summary>
    public IEnumerable<SecretPart> Parts => Certificates.Concat(new[] { Validation, DefaultValidation, TicketKeys }.OfType<SecretPart>());

    /// <summary>The certificates that have come.</summary>
    /// <param name="secrets">The secrets in force.</param>
    /// <param name="owner">What the context belongs to, for people.</param>
    public ContextCertificates Facts(ISecrets secrets, string owner) => new(
        owner,
        [.. new[] { Validation, DefaultValidation }.OfType<SecretPart>().SelectMany(part => part.SecretIn(secrets)?.Facts ?? [])],
        [.. Certificates.SelectMany(part => part.SecretIn(secrets)?.Facts ?? [])]);

    /// <summary>True where all secrets have come.</summary>
    public bool IsReady(ISecrets secrets) => Parts.All(part => part.In(secrets) is not null);

    /// <summary>Finds what is wrong with its secrets once they are put together, up to what the library says of them. Nothing while some have not come.</summary>
    public void Check(ISecrets secrets, TranslationProblems problems)
    {
        if (!IsReady(secrets))
        {
            return;
        }

        var before = problems.Found.Count;
        if (ValidationIn(secrets) is { } validation)
        {
            ValidationContextReader.Check(validation, problems, ValidationPlace);
        }

        CheckSide(secrets, problems);
        if (problems.Found.Count > before)
        {
            return;
        }

        try
        {
            Try(secrets);
        }
        catch (TlsException error)
        {
            problems.Add(Place, $"OpenSSL does not take it: {error.Message.TrimEnd('.')}", "change what it names");
        }
    }

    /// <summary>What only this side demands of its secrets.</summary>
    protected abstract void CheckSide(ISecrets secrets, TranslationProblems problems);

    /// <summary>Makes the context of the library once, to see that it can be made.</summary>
    protected abstract void Try(ISecrets secrets);

    /// <summary>The certificates that have come.</summary>
    public IEnumerable<CertificateConfig> CertificatesIn(ISecrets secrets) => Certificates.Select(part => part.In(secrets)?.Certificate).OfType<CertificateConfig>();

    /// <summary>How the peer is judged; null where it is not, and while it has not come.</summary>
    public PeerValidationConfig? ValidationIn(ISecrets secrets)
    {
        var validation = Validation?.In(secrets)?.Validation;
        return validation is not null && DefaultValidation?.In(secrets)?.Validation is { } defaults ? ValidationContextReader.Merge(defaults, validation) : validation;
    }

    private ConfigPath ValidationPlace => DefaultValidation is not null ? Place.Field("combined_validation_context")
        : Validation?.Inline is not null ? Place.Field("validation_context")
        : Place.Field("validation_context_sds_secret_config");
}

/// <summary>A <c>DownstreamTlsContext</c> before its secrets are in place.</summary>
internal sealed class DownstreamTlsPlan : TlsPlan
{
    /// <summary>All but the secrets.</summary>
    public required DownstreamTlsConfig Settings { get; init; }

    /// <summary>The settings with the secrets that there are.</summary>
    public DownstreamTlsConfig Resolve(ISecrets secrets) => !IsReady(secrets)
        ? Settings with { SecretsAreMissing = true }
        : Settings with
        {
            Certificates = new ValueList<CertificateConfig>(CertificatesIn(secrets)),
            Validation = ValidationIn(secrets),
            TicketKeys = TicketKeys?.In(secrets)?.TicketKeys ?? ValueList<string>.Empty,
        };

    protected override void Try(ISecrets secrets) => _ = new ServerTlsContext(Resolve(secrets), "", new TicketKeys([Convert.ToBase64String(new byte[80])]), TimeProvider.System);

    protected override void CheckSide(ISecrets secrets, TranslationProblems problems)
    {
        foreach (var certificate in CertificatesIn(secrets).Where(static certificate => certificate.OcspStaple.Length == 0))
        {
            using var leaf = X509Certificate2.CreateFromPem(certificate.Chain);
            if (Settings.OcspStaplePolicy == OcspStaplePolicy.MustStaple)
            {
                problems.Add(Place, $"{certificate.Source} has no ocsp_staple, which ocsp_staple_policy: MUST_STAPLE demands", "add it, or write another policy");
            }
            else if (OcspStaples.IsDemandedBy(leaf))
            {
                problems.Add(Place, $"{certificate.Source} has no ocsp_staple, which the certificate itself demands (RFC 7633)", "add it, or have the certificate issued without the feature status_request");
            }
        }
    }
}

/// <summary>An <c>UpstreamTlsContext</c> before its secrets are in place.</summary>
internal sealed class UpstreamTlsPlan : TlsPlan
{
    /// <summary>All but the secrets.</summary>
    public required UpstreamTlsConfig Settings { get; init; }

    /// <summary>The settings with the secrets that there are.</summary>
    public UpstreamTlsConfig Resolve(ISecrets secrets) => !IsReady(secrets)
        ? Settings with { SecretsAreMissing = true }
        : Settings with { Certificate = CertificatesIn(secrets).FirstOrDefault(), Validation = ValidationIn(secrets) };

    protected override void Try(ISecrets secrets) => _ = new ClientTlsContext(Resolve(secrets));

    protected override void CheckSide(ISecrets secrets, TranslationProblems problems)
    {
        if (Settings.AutoSniSanValidation && ValidationIn(secrets) is not ({ TrustedCa.Length: > 0 } or { TrustDomains.Count: > 0 }))
        {
            problems.Add(Place, "auto_sni_san_validation judges the names of a certificate, and there is no trusted CA to judge the certificate", "add a validation context with trusted_ca");
        }
    }
}

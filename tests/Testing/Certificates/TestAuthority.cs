using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Testing.Certificates;

/// <summary>A certificate authority for a test: signs what the test asks for, right or wrong. Keys are of the curve P-256 unless said otherwise.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly List<(byte[] Serial, DateTimeOffset When)> _revoked = [];
    private int _crlNumber;

    private TestAuthority(X509Certificate2 certificate, string chainAbove)
    {
        _certificate = certificate;
        ChainAbove = chainAbove;
    }

    /// <summary>Its certificate in PEM.</summary>
    public string Pem => _certificate.ExportCertificatePem() + "\n";

    /// <summary>Its certificate and those above it, without the root: what a leaf is presented with.</summary>
    public string ChainAbove { get; }

    /// <summary>A root.</summary>
    public static TestAuthority Root(string name = "Test Root")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = RequestFor(name, key).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-10), DateTimeOffset.UtcNow.AddDays(3650));
        return new TestAuthority(Loaded(certificate), "");
    }

    /// <summary>An authority below this one.</summary>
    public TestAuthority Intermediate(string name = "Test Intermediate")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return Sign(name, key);
    }

    /// <summary>The same authority (name and key) as another one, vouched for by this one: a cross-signed certificate.</summary>
    public TestAuthority CrossSign(TestAuthority other)
    {
        using var key = other._certificate.GetECDsaPrivateKey()!;
        return Sign(other._certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), key);
    }

    /// <summary>A certificate for a server, or with <paramref name="names"/> whatever they say.</summary>
    public TestCertificate Issue(LeafRequest? request = null, params string[] names) => TestCertificate.Issue(_certificate, ChainAbove, (request ?? new LeafRequest()) with { Names = [.. request?.Names ?? [], .. names] });

    /// <summary>A certificate that another authority, of the same name and key, could have signed too: presented with the cross-signed certificate above it.</summary>
    public TestCertificate IssueBy(TestAuthority signer, params string[] names)
    {
        ArgumentNullException.ThrowIfNull(signer);
        return TestCertificate.Issue(signer._certificate, ChainAbove, new LeafRequest { Names = [.. names] });
    }

    /// <summary>Withdraws a certificate from the next <see cref="RevocationList"/> on.</summary>
    public void Revoke(TestCertificate certificate) => _revoked.Add((certificate.Serial, DateTimeOffset.UtcNow.AddMinutes(-5)));

    /// <summary>What has been withdrawn so far, in PEM.</summary>
    /// <param name="nextUpdate">When the list gets stale; a month from now by default.</param>
    public string RevocationList(DateTimeOffset? nextUpdate = null)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var (serial, when) in _revoked)
        {
            builder.AddEntry(serial, when);
        }

        var end = nextUpdate ?? DateTimeOffset.UtcNow.AddDays(30);
        var der = builder.Build(_certificate, ++_crlNumber, end, HashAlgorithmName.SHA256, thisUpdate: end.AddDays(-60));
        return PemEncoding.WriteString("X509 CRL", der) + "\n";
    }

    /// <summary>What its OCSP responder says of a certificate (RFC 6960): that it is good.</summary>
    /// <param name="nextUpdate">When that gets stale; null for a response that does not say.</param>
    public byte[] OcspResponse(TestCertificate certificate, DateTimeOffset? nextUpdate) => OcspResponder.Good(_certificate, certificate.Serial, nextUpdate);

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    internal static X509Certificate2 Loaded(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null, X509KeyStorageFlags.Exportable);

    private TestAuthority Sign(string name, ECDsa key)
    {
        using var signed = RequestFor(name, key).Create(_certificate, DateTimeOffset.UtcNow.AddDays(-5), new DateTimeOffset(_certificate.NotAfter.ToUniversalTime()), RandomNumberGenerator.GetBytes(8));
        using var certificate = signed.CopyWithPrivateKey(key);
        var loaded = Loaded(certificate);
        return new TestAuthority(loaded, loaded.ExportCertificatePem() + "\n" + ChainAbove);
    }

    private static CertificateRequest RequestFor(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
    }
}

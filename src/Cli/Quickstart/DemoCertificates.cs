using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.Cli.Quickstart;

/// <summary>
/// A certificate authority of the demo's own and a certificate that it signed, made at the start and valid for a week. The keys are never written
/// anywhere; the authority's certificate is, so that curl can be told to trust it.
/// </summary>
internal sealed class DemoCertificates : IDisposable
{
    private const string ServerAuthenticationOid = "1.3.6.1.5.5.7.3.1";

    private static readonly string[] Names = ["localhost", "demo.localhost", "secure.localhost"];

    private readonly string _folder = Directory.CreateTempSubdirectory("kpn-quickstart-").FullName;

    private DemoCertificates(string authority, Secret secret)
    {
        Secret = secret;
        AuthorityFile = Path.Combine(_folder, "ca.crt");
        File.WriteAllText(AuthorityFile, authority);
    }

    /// <summary>The name of <see cref="Secret"/>.</summary>
    public static ObjectName SecretName { get; } = new("default", "quickstart-tls");

    /// <summary>The server's certificate and key, for the hosts of the demo and the loopback addresses.</summary>
    public Secret Secret { get; }

    /// <summary>The authority's certificate in PEM form, until the end of the demo.</summary>
    public string AuthorityFile { get; }

    /// <summary>Makes them anew.</summary>
    public static DemoCertificates Make(TimeProvider time)
    {
        // The day before leaves room for clocks that differ.
        var from = time.GetUtcNow().AddDays(-1);
        var until = from.AddDays(8);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=kpn quickstart CA", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        authorityRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(authorityRequest.PublicKey, critical: false));
        using var authority = authorityRequest.CreateSelfSigned(from, until);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = RequestFor(key, authority).Create(authority, from, until, RandomNumberGenerator.GetBytes(16));
        var pair = TlsKeyPair.Parse(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), out var fault)
            ?? throw new InvalidOperationException($"the certificate that was just made {fault!.Message}");
        var metadata = new ObjectMeta(SecretName.Namespace, SecretName.Name, new SourceLocation("(made at the start)", 0));
        return new DemoCertificates(authority.ExportCertificatePem() + "\n", new Secret(metadata, Secret.TlsType, pair));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static CertificateRequest RequestFor(ECDsa key, X509Certificate2 authority)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in Names)
        {
            names.AddDnsName(name);
        }

        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        var request = new CertificateRequest("CN=kpn quickstart", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthenticationOid)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(names.Build());
        return request;
    }
}

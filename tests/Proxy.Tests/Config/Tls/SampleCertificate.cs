using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Secret = Envoy.Extensions.TransportSockets.Tls.V3.Secret;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

/// <summary>A self-signed certificate and its key.</summary>
internal sealed class SampleCertificate
{
    private SampleCertificate(X509Certificate2 certificate, AsymmetricAlgorithm key)
    {
        Certificate = certificate;
        Key = key;
        Chain = certificate.ExportCertificatePem();
        KeyPem = key.ExportPkcs8PrivateKeyPem();
    }

    public X509Certificate2 Certificate { get; }

    public AsymmetricAlgorithm Key { get; }

    public string Chain { get; }

    public string KeyPem { get; }

    /// <summary>One with an EC key on P-256 that is valid from 1970 to 2090, whatever the clock of a test says.</summary>
    public static SampleCertificate Elliptic(string name = "a.example", DateTimeOffset? from = null, DateTimeOffset? until = null, ECCurve? curve = null)
    {
        var key = ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);
        return new SampleCertificate(Sign(new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256), name, from, until), key);
    }

    public static SampleCertificate Rsa(int bits = 2048)
    {
        var key = RSA.Create(bits);
        return new SampleCertificate(Sign(new CertificateRequest("CN=rsa.example", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), "rsa.example", null, null), key);
    }

    /// <summary>The certificate as a secret.</summary>
    public Secret Secret(string name) => new() { Name = name, TlsCertificate = Message };

    public TlsCertificate Message => new() { CertificateChain = new() { InlineString = Chain }, PrivateKey = new() { InlineString = KeyPem } };

    /// <summary>The certificate as an authority.</summary>
    public Secret Authority(string name) => new() { Name = name, ValidationContext = new() { TrustedCa = new() { InlineString = Chain } } };

    private static X509Certificate2 Sign(CertificateRequest request, string name, DateTimeOffset? from, DateTimeOffset? until)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddUri(new Uri($"spiffe://example.org/{name}"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(from ?? DateTimeOffset.UnixEpoch, until ?? new DateTimeOffset(2090, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }
}

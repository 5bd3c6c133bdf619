using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Load.Tls;

/// <summary>The certificate that every proxy of a scenario presents: ECDSA on P-256, signed by itself, for 127.0.0.1, made at the start.</summary>
/// <param name="ChainFile">PEM, the certificate alone.</param>
/// <param name="KeyFile">PEM, PKCS #8.</param>
/// <param name="BothFile">PEM, certificate and key in one file, as HAProxy reads them.</param>
internal sealed record ServerCertificate(X509Certificate2 Certificate, string ChainFile, string KeyFile, string BothFile) : IDisposable
{
    /// <summary>Makes one and writes its files.</summary>
    public static ServerCertificate Create(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kpn-load", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var chain = made.ExportCertificatePem() + "\n";
        var keyText = key.ExportPkcs8PrivateKeyPem() + "\n";
        var certificate = new ServerCertificate(
            X509Certificate2.CreateFromPem(chain),
            Path.Combine(folder, "chain.pem"),
            Path.Combine(folder, "key.pem"),
            Path.Combine(folder, "both.pem"));
        File.WriteAllText(certificate.ChainFile, chain);
        File.WriteAllText(certificate.KeyFile, keyText);
        File.WriteAllText(certificate.BothFile, chain + keyText);
        return certificate;
    }

    /// <summary>What a client in this process demands: this certificate, for 127.0.0.1, in a full handshake.</summary>
    public SslClientAuthenticationOptions ClientOptions() => new()
    {
        TargetHost = IPAddress.Loopback.ToString(),
        AllowTlsResume = false,
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { Certificate },
            RevocationMode = X509RevocationMode.NoCheck,
        },
    };

    /// <inheritdoc/>
    public void Dispose() => Certificate.Dispose();
}

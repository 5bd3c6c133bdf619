using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.Testing.Certificates;

/// <summary>What a leaf is to be.</summary>
public sealed record LeafRequest
{
    /// <summary>The subject.</summary>
    public string Subject { get; init; } = "CN=leaf";

    /// <summary>Its alternative names: <c>dns:</c> (the default), <c>uri:</c>, <c>ip:</c>, <c>email:</c> before each.</summary>
    public ImmutableArray<string> Names { get; init; } = [];

    /// <summary>First moment of its validity; yesterday by default.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Last moment of its validity; a year from now by default.</summary>
    public DateTimeOffset? NotAfter { get; init; }

    /// <summary>True for a key of RSA with 2,048 bits.</summary>
    public bool IsRsa { get; init; }

    /// <summary>Object identifiers of the extended key usage; by default those of servers and clients.</summary>
    public ImmutableArray<string> Purposes { get; init; } = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

    /// <summary>True for one that may sign others.</summary>
    public bool IsAuthority { get; init; }

    /// <summary>True to demand a stapled OCSP response (RFC 7633).</summary>
    public bool DemandsStaple { get; init; }

    /// <summary>The value of the names' extension, in place of <see cref="Names"/>; null for those.</summary>
    public byte[]? RawNames { get; init; }
}

/// <summary>A leaf with its key.</summary>
public sealed class TestCertificate
{
    private TestCertificate(string pem, string chain, string key, byte[] serial) => (Pem, Chain, Key, Serial) = (pem, chain, key, serial);

    /// <summary>The certificate alone, in PEM.</summary>
    public string Pem { get; }

    /// <summary>The certificate and the intermediates, in PEM.</summary>
    public string Chain { get; }

    /// <summary>The key in PEM (PKCS #8).</summary>
    public string Key { get; }

    /// <summary>Its serial number.</summary>
    public byte[] Serial { get; }

    /// <summary>One that vouches for itself.</summary>
    public static TestCertificate SelfSigned(params string[] names) => Issue(null, "", new LeafRequest { Names = [.. names] });

    /// <summary>One from files in PEM.</summary>
    public static TestCertificate Load(string chainFile, string keyFile)
    {
        var chain = File.ReadAllText(chainFile);
        using var leaf = X509Certificate2.CreateFromPem(chain);
        return new TestCertificate(leaf.ExportCertificatePem() + "\n", chain, File.ReadAllText(keyFile), leaf.SerialNumberBytes.ToArray());
    }

    /// <summary>The same, presented without its intermediates.</summary>
    public TestCertificate WithoutChain() => new(Pem, Pem, Key, Serial);

    internal static TestCertificate Issue(X509Certificate2? issuer, string chainAbove, LeafRequest leaf)
    {
        using AsymmetricAlgorithm key = leaf.IsRsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = key is RSA rsa
            ? new CertificateRequest(leaf.Subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(leaf.Subject, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(leaf.IsAuthority, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. leaf.Purposes.Select(static oid => new Oid(oid))], critical: false));
        if (leaf.DemandsStaple)
        {
            request.CertificateExtensions.Add(new X509Extension("1.3.6.1.5.5.7.1.24", (ReadOnlySpan<byte>)[0x30, 0x03, 0x02, 0x01, 0x05], critical: false));
        }

        if (leaf.RawNames is { } raw)
        {
            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", raw, critical: false));
        }
        else if (!leaf.Names.IsEmpty)
        {
            request.CertificateExtensions.Add(NamesOf(leaf.Names));
        }

        var notBefore = leaf.NotBefore ?? DateTimeOffset.UtcNow.AddDays(-1);
        var notAfter = leaf.NotAfter ?? DateTimeOffset.UtcNow.AddDays(365);
        byte[] serial = [0x01, .. RandomNumberGenerator.GetBytes(8)];
        using var certificate = issuer is null
            ? request.CreateSelfSigned(notBefore, notAfter)
            : request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!), notBefore, notAfter, serial);
        var pem = certificate.ExportCertificatePem() + "\n";
        return new TestCertificate(pem, pem + chainAbove, key.ExportPkcs8PrivateKeyPem() + "\n", issuer is null ? certificate.SerialNumberBytes.ToArray() : serial);
    }

    private static X509Extension NamesOf(IEnumerable<string> names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            var colon = name.IndexOf(':', StringComparison.Ordinal);
            var value = name[(colon + 1)..];
            switch (colon < 0 ? "dns" : name[..colon])
            {
                case "uri":
                    builder.AddUri(new Uri(value));
                    break;
                case "ip":
                    builder.AddIpAddress(IPAddress.Parse(value));
                    break;
                case "email":
                    builder.AddEmailAddress(value);
                    break;
                default:
                    builder.AddDnsName(value);
                    break;
            }
        }

        return builder.Build();
    }
}

using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>A certificate that a peer presented: what judges, logs and headers ask of it. Each answer is worked out when it is first asked for.</summary>
internal sealed class PeerCertificate : IDisposable
{
    private const string SubjectAltNameOid = "2.5.29.17";

    private readonly X509Certificate2 _certificate;

    /// <summary>Reads a certificate.</summary>
    /// <param name="der">Its DER.</param>
    /// <exception cref="CryptographicException">It is none.</exception>
    public PeerCertificate(byte[] der)
    {
        _certificate = X509CertificateLoader.LoadCertificate(der);
        Der = der;
    }

    public byte[] Der { get; }

    /// <summary>Reads a certificate that the library holds.</summary>
    public static unsafe PeerCertificate Of(nint certificate)
    {
        var der = new byte[Math.Max(0, LibCrypto.CertificateToDer(certificate, null))];
        fixed (byte* start = der)
        {
            var end = start;
            _ = LibCrypto.CertificateToDer(certificate, &end);
        }

        return new PeerCertificate(der);
    }

    /// <summary>The subject as RFC 2253 writes it.</summary>
    public string Subject => field ??= DistinguishedName.Text(_certificate.SubjectName);

    /// <inheritdoc cref="Subject"/>
    public string Issuer => field ??= DistinguishedName.Text(_certificate.IssuerName);

    /// <summary>The serial number in lower-case hex.</summary>
    public string SerialNumber => field ??= _certificate.SerialNumber.ToLowerInvariant();

    /// <summary>SHA-256 of the DER, in lower-case hex.</summary>
    public string Fingerprint => field ??= Convert.ToHexStringLower(SHA256.HashData(Der));

    /// <summary>SHA-1 of the DER, in lower-case hex: for comparison with what others show, not for trust.</summary>
    public string Fingerprint1 => field ??= _certificate.GetCertHashString(HashAlgorithmName.SHA1).ToLowerInvariant();

    /// <summary>SHA-256 of the public key info, in Base64 (RFC 7469 section 2.4).</summary>
    public string SpkiHash => field ??= Convert.ToBase64String(SHA256.HashData(_certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    /// <summary>The certificate in PEM, with its final line end.</summary>
    public string Pem => field ??= _certificate.ExportCertificatePem() + "\n";

    /// <summary>First and last moment of its validity.</summary>
    public DateTimeOffset NotBefore => new(_certificate.NotBefore.ToUniversalTime());

    /// <inheritdoc cref="NotBefore"/>
    public DateTimeOffset NotAfter => new(_certificate.NotAfter.ToUniversalTime());

    /// <summary>True where it may sign others.</summary>
    public bool IsAuthority =>
        _certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(static extension => extension.CertificateAuthority)
        || _certificate.Extensions.OfType<X509KeyUsageExtension>().Any(static extension => (extension.KeyUsages & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != X509KeyUsageFlags.None);

    /// <summary>Its subject alternative names in order; empty where there are none, or they are not well-formed.</summary>
    public IReadOnlyList<SubjectAltName> Names => field ??= ReadNames();

    /// <summary>The names of one kind, in order.</summary>
    public IEnumerable<string> NamesOf(SanType type) => Names.Where(name => name.Type == type).Select(static name => name.Text);

    /// <inheritdoc/>
    public void Dispose() => _certificate.Dispose();

    private IReadOnlyList<SubjectAltName> ReadNames()
    {
        try
        {
            return _certificate.Extensions[SubjectAltNameOid] is { } extension ? SubjectAltName.Read(extension.RawData) : [];
        }
        catch (AsnContentException)
        {
            return [];
        }
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>What the choice of a certificate depends on.</summary>
/// <param name="Names">The DNS names it is for, in lower case: those of its subject alternative names, or the common name where it has none.</param>
/// <param name="KeyKind">The algorithm of its key, as an object identifier.</param>
internal sealed record CertificateFacts(IReadOnlyCollection<string> Names, string KeyKind)
{
    private const string EllipticCurve = "1.2.840.10045.2.1";

    /// <summary>True for a key on an elliptic curve.</summary>
    public bool IsElliptic => KeyKind == EllipticCurve;

    /// <summary>Reads the leaf of a chain.</summary>
    /// <exception cref="TlsException">It is no certificate.</exception>
    public static CertificateFacts Read(CertificateConfig certificate)
    {
        try
        {
            using var leaf = X509Certificate2.CreateFromPem(certificate.Chain);
            return new CertificateFacts(NamesOf(leaf), leaf.PublicKey.Oid.Value ?? "");
        }
        catch (CryptographicException error)
        {
            throw new TlsException($"the certificate of {certificate.Source} cannot be read: {error.Message}");
        }
    }

    private static string[] NamesOf(X509Certificate2 leaf)
    {
        var names = leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(static extension => extension.EnumerateDnsNames()).ToArray();
        if (names.Length == 0 && leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } common)
        {
            names = [common];
        }

        return [.. names.Select(static name => name.ToLowerInvariant()).Distinct(StringComparer.Ordinal)];
    }
}

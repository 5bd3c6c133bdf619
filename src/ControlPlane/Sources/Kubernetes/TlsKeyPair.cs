using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeProxyNet.ControlPlane.Sources.Kubernetes;

/// <summary>A certificate chain and the private key of its first certificate, which belong together.</summary>
/// <param name="Chain">The certificates in PEM form, the server's own first; nothing else is in it.</param>
/// <param name="Key">The private key in PEM form, not encrypted.</param>
/// <param name="Names">The DNS names that the server's certificate is for, in lower case; a wildcard as <c>*.example.com</c>.</param>
/// <param name="NotBefore">When the server's certificate begins to be valid.</param>
/// <param name="NotAfter">When it ceases to be.</param>
public sealed record TlsKeyPair(string Chain, Confidential Key, ValueList<string> Names, DateTimeOffset NotBefore, DateTimeOffset NotAfter)
{
    private const string EllipticCurveOid = "1.2.840.10045.2.1";
    private const string RsaOid = "1.2.840.113549.1.1.1";

    private static readonly string[] KeyLabels = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"];

    /// <summary>Reads the two fields of a Secret.</summary>
    /// <param name="certificates">The content of <see cref="Secret.CertificateField"/>.</param>
    /// <param name="key">The content of <see cref="Secret.KeyField"/>.</param>
    /// <param name="fault">What is wrong, and in which field; null when nothing is. Never a part of what was read.</param>
    /// <returns>Null when the fields cannot be used.</returns>
    public static TlsKeyPair? Parse(string certificates, string key, out KeyPairFault? fault)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(certificates);
            if (chain.Count == 0)
            {
                fault = new KeyPairFault(Secret.CertificateField, "holds no certificate in PEM form", "it begins with -----BEGIN CERTIFICATE-----");
                return null;
            }

            if (FindKey(key, out fault) is not { } section)
            {
                return null;
            }

            fault = CheckKey(chain[0], section);
            return fault is null
                ? new TlsKeyPair(
                    string.Concat(chain.Select(static certificate => certificate.ExportCertificatePem() + "\n")),
                    new Confidential(section + "\n"),
                    NamesOf(chain[0]),
                    new DateTimeOffset(chain[0].NotBefore),
                    new DateTimeOffset(chain[0].NotAfter))
                : null;
        }
        catch (CryptographicException)
        {
            fault = new KeyPairFault(Secret.CertificateField, "holds a certificate that cannot be read", "check that it was copied whole");
            return null;
        }
        finally
        {
            foreach (var certificate in chain)
            {
                certificate.Dispose();
            }
        }
    }

    /// <summary>Whether clients accept the certificate for a host. A wildcard stands for one label.</summary>
    /// <param name="host">A host in lower case, or <c>*.</c> with a host for every host one label below it.</param>
    public bool Covers(string host)
    {
        var dot = host.IndexOf('.', StringComparison.Ordinal);
        var wildcard = dot > 0 ? "*" + host[dot..] : null;
        foreach (var name in Names)
        {
            if (name == host || name == wildcard)
            {
                return true;
            }
        }

        return false;
    }

    private static string? FindKey(string text, out KeyPairFault? fault)
    {
        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var found))
        {
            var label = rest[found.Label].ToString();
            if (Array.IndexOf(KeyLabels, label) >= 0)
            {
                fault = null;
                return rest[found.Location].ToString();
            }

            if (label == "ENCRYPTED PRIVATE KEY")
            {
                fault = new KeyPairFault(Secret.KeyField, "is encrypted", "store it without a password, as Secrets of this type are");
                return null;
            }

            rest = rest[found.Location.End..];
        }

        fault = new KeyPairFault(Secret.KeyField, "holds no private key in PEM form", "it begins with -----BEGIN PRIVATE KEY-----");
        return null;
    }

    private static KeyPairFault? CheckKey(X509Certificate2 certificate, string key)
    {
        // Keys of other algorithms are judged by the library that will use them.
        using AsymmetricAlgorithm? algorithm = certificate.PublicKey.Oid.Value switch
        {
            RsaOid => RSA.Create(),
            EllipticCurveOid => ECDsa.Create(),
            _ => null,
        };
        if (algorithm is null)
        {
            return null;
        }

        try
        {
            algorithm.ImportFromPem(key);
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or ArgumentException)
        {
            return new KeyPairFault(Secret.KeyField, "cannot be read as a key of the kind that the certificate has", "check that it is the certificate's and was copied whole");
        }

        return algorithm.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo())
            ? null
            : new KeyPairFault(Secret.KeyField, "is not the key of the certificate", "put the key and the certificate that were made together into the Secret");
    }

    private static ValueList<string> NamesOf(X509Certificate2 certificate) => certificate.Extensions
        .OfType<X509SubjectAlternativeNameExtension>()
        .SelectMany(static extension => extension.EnumerateDnsNames())
        .Select(static name => name.ToLowerInvariant())
        .ToValueList();
}

/// <summary>Why a certificate and a key cannot be used.</summary>
/// <param name="Field">The field of the Secret.</param>
/// <param name="Message">What is the case, such as <c>is encrypted</c>.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record KeyPairFault(string Field, string Message, string Remedy);

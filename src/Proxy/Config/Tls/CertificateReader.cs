using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Reads a <c>TlsCertificate</c> and checks that it can be used: chain and key can be read and belong together, and its time is now.</summary>
internal static class CertificateReader
{
    /// <summary>The certificate; null after a problem.</summary>
    /// <param name="message">The message.</param>
    /// <param name="source">The resource that it comes from, for people.</param>
    /// <param name="now">The time that it must be valid at.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it is configured.</param>
    public static CertificateConfig? Read(TlsCertificate message, string source, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var password = message.Password is null ? null : Encoding.UTF8.GetString(DataSourceReader.Read(message.Password, problems, path.Field("password")).Span);
        var pair = message.Pkcs12 is null ? Pem(message, password, now, problems, path) : Pkcs12(message, password, now, problems, path);
        var place = path.Field("ocsp_staple");
        var staple = message.OcspStaple is null ? null : Staple(message.OcspStaple, problems, place);
        if (pair is not var (chain, key))
        {
            return null;
        }

        if (staple is not null)
        {
            CheckStaple(staple, chain, problems, place);
        }

        return problems.Found.Count > before ? null : new CertificateConfig { Source = source, Chain = chain, Key = key, OcspStaple = staple?.Base64 ?? "" };
    }

    private static (string Chain, string Key)? Pem(TlsCertificate message, string? password, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        if (message.CertificateChain is null || message.PrivateKey is null)
        {
            var missing = message.CertificateChain is null ? "certificate_chain" : "private_key";
            problems.Add(path, $"a certificate needs its chain and its key, and \"{missing}\" is missing", $"add \"{missing}\"");
            return null;
        }

        var before = problems.Found.Count;
        var place = path.Field("certificate_chain");
        var chainText = DataSourceReader.Read(message.CertificateChain, problems, place);
        var keyText = DataSourceReader.Read(message.PrivateKey, problems, path.Field("private_key"));
        if (problems.Found.Count > before || PemCertificates.Read(chainText, problems, place) is not { } chain)
        {
            return null;
        }

        try
        {
            return CheckLeaf(chain[0], now, problems, place) && PrivateKeyReader.Read(keyText, password, chain[0], problems, path) is { } key
                ? (PemCertificates.TextOf(chain), key)
                : null;
        }
        finally
        {
            PemCertificates.Dispose(chain);
        }
    }

    private static (string Chain, string Key)? Pkcs12(TlsCertificate message, string? password, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        var place = path.Field("pkcs12");
        if (message.CertificateChain is not null || message.PrivateKey is not null)
        {
            problems.Add(place, "excludes certificate_chain and private_key, which are set too", "keep pkcs12, or the other two");
            return null;
        }

        var before = problems.Found.Count;
        var bytes = DataSourceReader.Read(message.Pkcs12, problems, place);
        if (problems.Found.Count > before)
        {
            return null;
        }

        X509Certificate2Collection found;
        try
        {
            found = X509CertificateLoader.LoadPkcs12Collection(bytes.Span, password, X509KeyStorageFlags.Exportable);
        }
        catch (CryptographicException error)
        {
            problems.Add(place, $"cannot be read: {error.Message.TrimEnd('.')}", "look at the file, and at the password");
            return null;
        }

        try
        {
            if (found.FirstOrDefault(static certificate => certificate.HasPrivateKey) is not { } leaf)
            {
                problems.Add(place, "holds no certificate with a private key", "export the certificate with its key");
                return null;
            }

            if (!CheckLeaf(leaf, now, problems, place))
            {
                return null;
            }

            using var rsa = leaf.GetRSAPrivateKey();
            using var elliptic = leaf.GetECDsaPrivateKey();
            return (PemCertificates.TextOf(Ordered(leaf, found)), rsa?.ExportPkcs8PrivateKeyPem() ?? elliptic!.ExportPkcs8PrivateKeyPem());
        }
        finally
        {
            PemCertificates.Dispose(found);
        }
    }

    /// <summary>From the leaf up, as TLS sends them; a PKCS#12 file holds them in any order.</summary>
    private static IEnumerable<X509Certificate2> Ordered(X509Certificate2 leaf, X509Certificate2Collection all)
    {
        var rest = all.Where(certificate => certificate != leaf).ToList();
        X509Certificate2? next = leaf;
        while (next is { } current)
        {
            yield return current;
            next = rest.Find(issuer => issuer.SubjectName.RawData.AsSpan().SequenceEqual(current.IssuerName.RawData));
            rest.Remove(next!);
        }
    }

    private static bool CheckLeaf(X509Certificate2 leaf, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        var (from, until) = (new DateTimeOffset(leaf.NotBefore), new DateTimeOffset(leaf.NotAfter));
        if (until < now)
        {
            problems.Add(path, $"the certificate of {leaf.Subject} expired at {Text(until)}", "renew it");
        }
        else if (from > now)
        {
            problems.Add(path, $"the certificate of {leaf.Subject} is valid from {Text(from)} only", "look at the clocks, or use one that is valid now");
        }
        else
        {
            return PrivateKeyReader.CheckPublicKey(leaf, problems, path);
        }

        return false;
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static FoundStaple? Staple(DataSource source, TranslationProblems problems, ConfigPath path)
    {
        if (source.SpecifierCase == DataSource.SpecifierOneofCase.InlineString)
        {
            problems.Add(path.Field("inline_string"), "an OCSP response is no text", "use filename or inline_bytes");
            return null;
        }

        var before = problems.Found.Count;
        var bytes = DataSourceReader.Read(source, problems, path);
        if (problems.Found.Count > before)
        {
            return null;
        }

        try
        {
            return new FoundStaple(Convert.ToBase64String(bytes.Span), OcspResponse.Read(bytes).SerialNumber);
        }
        catch (FormatException error)
        {
            problems.Add(path, error.Message, "fetch a new one with: openssl ocsp -respout FILE");
            return null;
        }
    }

    /// <summary>A staple is for the certificate beside it, as in Envoy.</summary>
    private static void CheckStaple(FoundStaple staple, string chain, TranslationProblems problems, ConfigPath path)
    {
        using var leaf = X509Certificate2.CreateFromPem(chain);
        if (staple.SerialNumber != new BigInteger(leaf.SerialNumberBytes.Span, isUnsigned: false, isBigEndian: true))
        {
            problems.Add(path, $"is about another certificate than that of {leaf.Subject}", "fetch the response for this one");
        }
    }

    private sealed record FoundStaple(string Base64, BigInteger SerialNumber);
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Reads certificates and revocation lists in PEM, all of them or none.</summary>
internal static class PemCertificates
{
    private const string Begin = "-----BEGIN ";

    /// <summary>The certificates in order; null after a problem. The caller disposes of them.</summary>
    public static X509Certificate2Collection? Read(ReadOnlyMemory<byte> pem, TranslationProblems problems, ConfigPath path)
    {
        var text = Encoding.UTF8.GetString(pem.Span);
        var begun = Count(text, "CERTIFICATE-----");
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(text);
            if (found.Count == begun && begun > 0)
            {
                return found;
            }

            problems.Add(
                path,
                begun == 0 ? "holds no certificate in PEM" : $"begins {begun} certificates in PEM, of which {found.Count} can be read",
                begun == 0 ? "give it text that begins with \"-----BEGIN CERTIFICATE-----\"" : "look for where it is cut off or changed");
        }
        catch (CryptographicException error)
        {
            problems.Add(path, $"holds a certificate that cannot be read: {error.Message.TrimEnd('.')}", "look for where it is cut off or changed");
        }

        Dispose(found);
        return null;
    }

    /// <summary>The certificates as one PEM text.</summary>
    public static string TextOf(IEnumerable<X509Certificate2> certificates) => string.Concat(certificates.Select(static certificate => certificate.ExportCertificatePem() + "\n"));

    /// <summary>Revocation lists as one PEM text; empty after a problem.</summary>
    public static string ReadRevocationLists(ReadOnlyMemory<byte> pem, TranslationProblems problems, ConfigPath path)
    {
        var text = Encoding.UTF8.GetString(pem.Span);
        var begun = Count(text, "X509 CRL-----");
        var lists = new List<string>();
        try
        {
            foreach (var field in Blocks(text).Where(static block => block.Label == "X509 CRL"))
            {
                CertificateRevocationListBuilder.LoadPem(field.Text, out _);
                lists.Add(field.Text + "\n");
            }
        }
        catch (CryptographicException error)
        {
            problems.Add(path, $"holds a revocation list that cannot be read: {error.Message.TrimEnd('.')}", "look for where it is cut off or changed");
            return "";
        }

        if (lists.Count == begun && begun > 0)
        {
            return string.Concat(lists);
        }

        problems.Add(
            path,
            begun == 0 ? "holds no revocation list in PEM" : $"begins {begun} revocation lists in PEM, of which {lists.Count} can be read",
            begun == 0 ? "give it text that begins with \"-----BEGIN X509 CRL-----\"" : "look for where it is cut off or changed");
        return "";
    }

    /// <summary>The PEM blocks of a text.</summary>
    public static IEnumerable<(string Label, string Text)> Blocks(string text)
    {
        var rest = text;
        while (PemEncoding.TryFind(rest, out var fields))
        {
            yield return (rest[fields.Label], rest[fields.Location]);
            rest = rest[fields.Location.End..];
        }
    }

    public static void Dispose(X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
        {
            certificate.Dispose();
        }
    }

    private static int Count(string text, string label)
    {
        var count = 0;
        for (var at = text.IndexOf(Begin, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Begin, at + 1, StringComparison.Ordinal))
        {
            count += text.AsSpan(at + Begin.Length).StartsWith(label, StringComparison.Ordinal) || text.AsSpan(at + Begin.Length).StartsWith("TRUSTED " + label, StringComparison.Ordinal) ? 1 : 0;
        }

        return count;
    }
}

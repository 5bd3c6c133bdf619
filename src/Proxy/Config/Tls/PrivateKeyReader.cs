using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Reads the private key of a certificate and says whether it is that. No message tells anything of the key.</summary>
internal static class PrivateKeyReader
{
    /// <summary>The key in PEM without encryption; null after a problem.</summary>
    /// <param name="pem">The key in PEM: PKCS#8, encrypted or not, or the older forms of RSA and EC keys.</param>
    /// <param name="password">What it is encrypted with; null for nothing.</param>
    /// <param name="leaf">The certificate.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where the certificate is configured.</param>
    public static string? Read(ReadOnlyMemory<byte> pem, string? password, X509Certificate2 leaf, TranslationProblems problems, ConfigPath path)
    {
        var place = path.Field("private_key");
        var text = Encoding.UTF8.GetString(pem.Span);
        var isEncrypted = text.Contains("-----BEGIN ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal);
        if (text.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            problems.Add(place, "is encrypted in the old form of OpenSSL, which derives its key from the password with MD5", "convert it: openssl pkcs8 -topk8 -in OLD -out NEW");
            return null;
        }

        if (isEncrypted && password is null)
        {
            problems.Add(path.Field("password"), "the private key is encrypted and there is no password", "add the password, or a key without encryption");
            return null;
        }

        using var rsa = Import(RSA.Create(), text, isEncrypted ? password : null);
        using var elliptic = rsa is null ? Import(ECDsa.Create(), text, isEncrypted ? password : null) : null;
        if (rsa is null && elliptic is null)
        {
            problems.Add(place, isEncrypted ? "cannot be decrypted with the password, or is no RSA or EC key" : "is no RSA or EC key in PEM", "give it the key of the certificate in PEM");
            return null;
        }

        if ((AsymmetricAlgorithm?)rsa is null ? !IsKeyOf(elliptic!, leaf) : !IsKeyOf(rsa!, leaf))
        {
            problems.Add(place, $"is not the key of the certificate of {leaf.Subject}", "give it the key that the certificate was made with");
            return null;
        }

        return rsa?.ExportPkcs8PrivateKeyPem() ?? elliptic!.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>Whether the certificate's key is of a kind and size that may be used; <paramref name="problems"/> tells.</summary>
    public static bool CheckPublicKey(X509Certificate2 leaf, TranslationProblems problems, ConfigPath path)
    {
        const string Remedy = "use a certificate with an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521";
        try
        {
            using var rsa = leaf.GetRSAPublicKey();
            if (rsa is not null)
            {
                if (rsa.KeySize >= 2048)
                {
                    return true;
                }

                problems.Add(path, $"its RSA key has {rsa.KeySize} bits, only those of 2048 or more are supported", Remedy);
                return false;
            }

            using var elliptic = leaf.GetECDsaPublicKey();
            if (elliptic?.ExportParameters(includePrivateParameters: false).Curve.Oid.Value is "1.2.840.10045.3.1.7" or "1.3.132.0.34" or "1.3.132.0.35")
            {
                return true;
            }
        }
        catch (Exception error) when (error is CryptographicException or PlatformNotSupportedException)
        {
            // As one that is not supported.
        }

        problems.Add(path, $"its key is of a kind that is not supported ({leaf.PublicKey.Oid.FriendlyName ?? leaf.PublicKey.Oid.Value})", Remedy);
        return false;
    }

    private static T? Import<T>(T algorithm, string text, string? password)
        where T : AsymmetricAlgorithm
    {
        try
        {
            if (password is null)
            {
                algorithm.ImportFromPem(text);
            }
            else
            {
                algorithm.ImportFromEncryptedPem(text, password);
            }

            return algorithm;
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            algorithm.Dispose();
            return null;
        }
    }

    private static bool IsKeyOf(RSA key, X509Certificate2 leaf)
    {
        using var theirs = leaf.GetRSAPublicKey();
        if (theirs is null)
        {
            return false;
        }

        var (ours, wanted) = (key.ExportParameters(false), theirs.ExportParameters(false));
        return ours.Modulus.AsSpan().SequenceEqual(wanted.Modulus) && ours.Exponent.AsSpan().SequenceEqual(wanted.Exponent);
    }

    private static bool IsKeyOf(ECDsa key, X509Certificate2 leaf)
    {
        using var theirs = leaf.GetECDsaPublicKey();
        if (theirs is null)
        {
            return false;
        }

        var (ours, wanted) = (key.ExportParameters(false).Q, theirs.ExportParameters(false).Q);
        return ours.X.AsSpan().SequenceEqual(wanted.X) && ours.Y.AsSpan().SequenceEqual(wanted.Y);
    }
}

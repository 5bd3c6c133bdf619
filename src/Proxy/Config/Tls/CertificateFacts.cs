using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>What people want to know of a certificate: Envoy's <c>admin.v3.CertificateDetails</c>.</summary>
/// <param name="Path">The file that it was read from; <c>&lt;inline&gt;</c> for none.</param>
/// <param name="SerialNumber">In lower-case hex.</param>
/// <param name="Names">Its subject alternative names, by kind: <c>dns</c>, <c>uri</c> or <c>ip_address</c>.</param>
/// <param name="ValidFrom">When its time begins.</param>
/// <param name="ExpirationTime">When its time ends.</param>
public sealed record CertificateFacts(string Path, string SerialNumber, IReadOnlyList<KeyValuePair<string, string>> Names, DateTimeOffset ValidFrom, DateTimeOffset ExpirationTime)
{
    private const string SubjectAlternativeName = "2.5.29.17";

    /// <summary>Whole days until it expires; 0 once it has.</summary>
    public long DaysUntilExpiration(DateTimeOffset now) => Math.Max(0, (long)(ExpirationTime - now).TotalDays);

    /// <summary>The facts of the first certificate of a PEM text that is known to be right.</summary>
    internal static CertificateFacts Of(string pem, string path)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        var serial = certificate.SerialNumber.ToLowerInvariant();
        return new CertificateFacts(
            path, serial.Length > 2 && serial.StartsWith("00", StringComparison.Ordinal) ? serial[2..] : serial, NamesOf(certificate),
            new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
    }

    /// <summary>The names of RFC 5280, section 4.2.1.6, that Envoy shows.</summary>
    private static List<KeyValuePair<string, string>> NamesOf(X509Certificate2 certificate)
    {
        var names = new List<KeyValuePair<string, string>>();
        if (certificate.Extensions.FirstOrDefault(static extension => extension.Oid?.Value == SubjectAlternativeName) is not { } extension)
        {
            return names;
        }

        try
        {
            var reader = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (reader.HasData)
            {
                var tag = reader.PeekTag();
                if (tag.TagValue is not (2 or 6 or 7))
                {
                    reader.ReadEncodedValue();
                    continue;
                }

                var value = reader.ReadOctetString(tag);
                names.Add(tag.TagValue switch
                {
                    2 => KeyValuePair.Create("dns", Encoding.Latin1.GetString(value)),
                    6 => KeyValuePair.Create("uri", Encoding.Latin1.GetString(value)),
                    _ => KeyValuePair.Create("ip_address", value.Length is 4 or 16 ? new IPAddress(value).ToString() : Convert.ToHexStringLower(value)),
                });
            }
        }
        catch (AsnContentException)
        {
            // The names up to here are the ones that can be read.
        }

        return names;
    }
}

/// <summary>The certificates of a TLS context in force.</summary>
/// <param name="Owner">What it belongs to: <c>listener "web"</c>.</param>
/// <param name="CaCert">The authorities that peers are judged by, the first of each bundle.</param>
/// <param name="CertChain">What is shown to peers.</param>
public sealed record ContextCertificates(string Owner, IReadOnlyList<CertificateFacts> CaCert, IReadOnlyList<CertificateFacts> CertChain)
{
    /// <summary>What of its secrets was refused last, and is therefore not among them; empty for nothing.</summary>
    public IReadOnlyList<SecretRefusal> Refused { get; init; } = [];

    /// <summary>All of them.</summary>
    public IEnumerable<CertificateFacts> All => CaCert.Concat(CertChain);
}

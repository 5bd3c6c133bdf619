using System.Globalization;
using System.Text.Json;
using KubeProxyNet.Proxy.Config.Tls;

namespace KubeProxyNet.Proxy.Admin;

/// <summary><c>/certs</c>: the certificates in force as Envoy's <c>admin.v3.Certificates</c>, one element a TLS context.</summary>
internal sealed class CertificatesPage(IAdminSource source, TimeProvider time)
{
    internal AdminEndpoint Endpoint => new("/certs", "the certificates in force, with names and days until they expire", Changes: false, _ => AdminReply.Json(Write));

    private void Write(Utf8JsonWriter json)
    {
        var now = time.GetUtcNow();
        json.WriteStartObject();
        json.WriteStartArray("certificates");
        foreach (var context in source.GetCertificates())
        {
            json.WriteStartObject();
            WriteList(json, "ca_cert", context.CaCert, now);
            WriteList(json, "cert_chain", context.CertChain, now);
            WriteRefused(json, context.Refused);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<CertificateFacts> certificates, DateTimeOffset now)
    {
        json.WriteStartArray(name);
        foreach (var certificate in certificates)
        {
            json.WriteStartObject();
            json.WriteString("path", certificate.Path);
            json.WriteString("serial_number", certificate.SerialNumber);
            json.WriteStartArray("subject_alt_names");
            foreach (var (kind, value) in certificate.Names)
            {
                json.WriteStartObject();
                json.WriteString(kind, value);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteString("days_until_expiration", certificate.DaysUntilExpiration(now).ToString(CultureInfo.InvariantCulture));
            json.WriteString("valid_from", Text(certificate.ValidFrom));
            json.WriteString("expiration_time", Text(certificate.ExpirationTime));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>What Envoy does not show here: why a certificate is not the one that was delivered last.</summary>
    private static void WriteRefused(Utf8JsonWriter json, IReadOnlyList<SecretRefusal> refused)
    {
        if (refused.Count == 0)
        {
            return;
        }

        json.WriteStartArray("refused");
        foreach (var secret in refused)
        {
            json.WriteStartObject();
            json.WriteString("secret", secret.Secret);
            json.WriteString("details", secret.Details);
            json.WriteString("version_info", secret.Version);
            json.WriteString("last_update_attempt", Text(secret.At));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

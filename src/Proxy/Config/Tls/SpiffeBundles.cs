using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>Reads the authorities of SPIFFE trust domains (<c>SPIFFECertValidatorConfig</c>): a PEM bundle each, or a map of bundles in SPIFFE's JSON.</summary>
internal static class SpiffeBundles
{
    /// <summary>The trust domains; empty where there is no such validator, and after a problem.</summary>
    public static ValueList<TrustDomainBundle> Read(TypedExtensionConfig? extension, TranslationProblems problems, ConfigPath path)
    {
        if (extension is null)
        {
            return ValueList<TrustDomainBundle>.Empty;
        }

        var place = path.Field("typed_config");
        if (extension.TypedConfig?.TryUnpack(out SPIFFECertValidatorConfig config) != true)
        {
            problems.Add(place, $"\"{extension.Name}\" is not supported", "use a typed_config of envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig");
            return ValueList<TrustDomainBundle>.Empty;
        }

        if (config.TrustBundles is not null)
        {
            return new ValueList<TrustDomainBundle>(ReadMap(config.TrustBundles, problems, place.Field("trust_bundles")));
        }

        var domains = place.Field("trust_domains");
        var found = new List<TrustDomainBundle>();
        if (config.TrustDomains.Count == 0)
        {
            problems.Add(domains, "there is no trust domain", "add one with its trust_bundle, or trust_bundles");
        }

        for (var i = 0; i < config.TrustDomains.Count; i++)
        {
            var domain = config.TrustDomains[i];
            if (domain.Name.Length == 0)
            {
                problems.Add(domains.Index(i).Field("name"), "the trust domain has no name", "write what follows spiffe:// in the names of its members");
            }
            else if (found.Exists(other => other.Name == domain.Name))
            {
                problems.Add(domains.Index(i).Field("name"), $"there are several trust bundles for the trust domain \"{domain.Name}\"", "put its authorities into one bundle");
            }

            found.Add(new TrustDomainBundle(domain.Name, Bundle(domain.TrustBundle, problems, domains.Index(i).Field("trust_bundle"))));
        }

        return new ValueList<TrustDomainBundle>(found);
    }

    private static string Bundle(DataSource? source, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var bytes = DataSourceReader.Read(source, problems, path);
        if (problems.Found.Count > before || PemCertificates.Read(bytes, problems, path) is not { } authorities)
        {
            return "";
        }

        var text = PemCertificates.TextOf(authorities);
        PemCertificates.Dispose(authorities);
        return text;
    }

    /// <summary>A map of bundles: <c>{"trust_domains": {NAME: {"keys": [{"use": "x509-svid", "x5c": [DER in Base64]}]}}}</c> (SPIFFE, "Trust Domain and Bundle", 4).</summary>
    private static List<TrustDomainBundle> ReadMap(DataSource source, TranslationProblems problems, ConfigPath path)
    {
        var found = new List<TrustDomainBundle>();
        var before = problems.Found.Count;
        var bytes = DataSourceReader.Read(source, problems, path);
        if (problems.Found.Count > before)
        {
            return found;
        }

        try
        {
            using var document = JsonDocument.Parse(bytes);
            foreach (var domain in document.RootElement.GetProperty("trust_domains").EnumerateObject())
            {
                var authorities = domain.Value.GetProperty("keys").EnumerateArray()
                    .Where(static key => key.TryGetProperty("use", out var use) && use.GetString() == "x509-svid")
                    .Select(static key => key.GetProperty("x5c")[0].GetBytesFromBase64())
                    .Select(static der =>
                    {
                        using var certificate = X509CertificateLoader.LoadCertificate(der);
                        return certificate.ExportCertificatePem() + "\n";
                    });
                var text = string.Concat(authorities);
                if (text.Length == 0)
                {
                    problems.Add(path, $"the trust domain \"{domain.Name}\" has no key for x509-svid", "look at its bundle");
                }

                found.Add(new TrustDomainBundle(domain.Name, text));
            }
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or CryptographicException or IndexOutOfRangeException)
        {
            problems.Add(path, $"is no map of SPIFFE bundles: {error.Message.TrimEnd('.')}", "write {\"trust_domains\": {NAME: {\"keys\": [{\"use\": \"x509-svid\", \"x5c\": [DER in Base64]}]}}}");
            return found;
        }

        if (found.Count == 0)
        {
            problems.Add(path, "there is no trust domain", "add one");
        }

        return found;
    }
}

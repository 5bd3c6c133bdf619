using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>Finds the certificates that Ingresses and options name, as far as they can be used now.</summary>
/// <param name="snapshot">Where the Secrets are.</param>
/// <param name="now">The time that certificates must be valid at.</param>
internal sealed class CertificateResolver(ObjectSnapshot snapshot, DateTimeOffset now)
{
    private readonly Dictionary<ObjectName, ServerCertificate> _used = [];

    /// <summary>When a certificate that was asked for begins or ceases to be valid next; null when none does.</summary>
    public DateTimeOffset? NextChange { get; private set; }

    /// <summary>Every certificate that was asked for and found, ordered by name.</summary>
    public IEnumerable<ServerCertificate> Used => _used.Values.OrderBy(certificate => certificate.Name, StringComparer.Ordinal);

    /// <summary>The certificate of a Secret.</summary>
    /// <param name="name">The Secret.</param>
    /// <param name="fault">Why there is none, and what to do; empty when there is one.</param>
    public (Secret Secret, ServerCertificate Certificate)? Find(ObjectName name, out (string Message, string Remedy) fault)
    {
        fault = ("", "");
        if (!snapshot.Secrets.TryGetValue(name, out var secret))
        {
            fault = ($"Secret {name} does not exist or is refused", $"add a Secret of type {Secret.TlsType}, or correct it or its name");
            return null;
        }

        if (secret.KeyPair is not { } pair)
        {
            fault = ($"Secret {name} is of type {secret.Type}", $"make it one of type {Secret.TlsType} with {Secret.CertificateField} and {Secret.KeyField}");
            return null;
        }

        Note(pair.NotBefore);
        Note(pair.NotAfter);
        if (now < pair.NotBefore || now >= pair.NotAfter)
        {
            fault = now < pair.NotBefore
                ? ($"the certificate of Secret {name} is not valid before {Format(pair.NotBefore)}", "wait, or put a valid one there")
                : ($"the certificate of Secret {name} expired at {Format(pair.NotAfter)}", "renew it");
            return null;
        }

        if (!_used.TryGetValue(name, out var certificate))
        {
            certificate = new ServerCertificate(name.ToString(), pair.Chain, pair.Key);
            _used.Add(name, certificate);
        }

        return (secret, certificate);
    }

    /// <summary>The certificate for hosts without one of their own; null when there is none.</summary>
    /// <param name="name">The Secret; null for none.</param>
    /// <param name="diagnostics">Hears when it cannot be used.</param>
    public ServerCertificate? FindDefault(ObjectName? name, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (name is not { } secret)
        {
            return null;
        }

        if (Find(secret, out var fault) is { } found)
        {
            return found.Certificate;
        }

        diagnostics.Add(new Diagnostic(
            DiagnosticSeverity.Error,
            DiagnosticReason.SecretNotUsable,
            $"{fault.Message}, so there is no default certificate",
            fault.Remedy,
            snapshot.Secrets.GetValueOrDefault(secret)?.Metadata.Location,
            new ObjectKey(Secret.KindName, secret)));
        return null;
    }

    private void Note(DateTimeOffset change)
    {
        if (change > now && !(change >= NextChange))
        {
            NextChange = change;
        }
    }

    private static string Format(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);
}

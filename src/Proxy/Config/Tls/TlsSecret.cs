using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>What a secret holds. Exactly one of its members is set.</summary>
internal sealed record SecretValue(CertificateConfig? Certificate = null, PeerValidationConfig? Validation = null, ValueList<string>? TicketKeys = null)
{
    /// <summary>What it is.</summary>
    public SecretKind Kind => Certificate is not null ? SecretKind.Certificate : Validation is not null ? SecretKind.Validation : SecretKind.TicketKeys;
}

/// <summary>
/// A secret as it stands in a configuration or was delivered, and what it held when it was read last: the files that it names may change.
/// Belongs to whoever holds the lock of <see cref="ConfigurationState"/>.
/// </summary>
internal sealed class TlsSecret
{
    private readonly IMessage _message;
    private readonly ConfigPath _path;
    private (SecretValue Of, CertificateFacts[] Facts)? _facts;

    private TlsSecret(IMessage message, string source, ConfigPath path, SecretValue value, IReadOnlyList<string> folders)
    {
        _message = message;
        _path = path;
        Source = source;
        Value = value;
        Folders = folders;
    }

    /// <summary>The resource that it is or stands in, for people.</summary>
    public string Source { get; }

    /// <summary>What it holds.</summary>
    public SecretValue Value { get; private set; }

    /// <summary>Why its files were refused when they were read last; null where they were not.</summary>
    public SecretRefusal? Refusal { get; set; }

    /// <summary>The folders whose changes say that its files are to be read again; empty where there is nothing to watch.</summary>
    public IReadOnlyList<string> Folders { get; }

    /// <summary>The facts of its certificate, or of its authorities, the first of each bundle; empty where it has none.</summary>
    public IReadOnlyList<CertificateFacts> Facts
    {
        get
        {
            if (_facts?.Of != Value)
            {
                _facts = (Value, [.. Pems().Select(static pem => CertificateFacts.Of(pem.Text, pem.Path))]);
            }

            return _facts!.Value.Facts;
        }
    }

    /// <summary>Reads a secret for the first time.</summary>
    /// <param name="message">A <see cref="TlsCertificate"/>, a <see cref="CertificateValidationContext"/> or <see cref="TlsSessionTicketKeys"/>.</param>
    /// <param name="source">The resource that it comes from, for people.</param>
    /// <param name="followsFiles">True to watch its files without being told to by <c>watched_directory</c>, as Envoy does for what is discovered.</param>
    /// <param name="now">The time.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where it stands.</param>
    /// <returns>Null after a problem.</returns>
    public static TlsSecret? Read(IMessage message, string source, bool followsFiles, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        var folders = FoldersOf(message, followsFiles, problems, path);
        var value = ValueOf(message, source, now, problems, path);
        return value is null || problems.Found.Count > before ? null : new TlsSecret(message, source, path, value, folders);
    }

    /// <summary>Reads its files again. After a problem, what it held stays.</summary>
    /// <returns>What it held before, where it holds something else now; null otherwise.</returns>
    public SecretValue? Reread(DateTimeOffset now, TranslationProblems problems)
    {
        var previous = Value;
        if (ValueOf(_message, Source, now, problems, _path) is not { } value || value == previous)
        {
            return null;
        }

        Value = value;
        return previous;
    }

    /// <summary>Returns to what it held before, which something else does not agree with.</summary>
    public void Restore(SecretValue value) => Value = value;

    private IEnumerable<(string Text, string Path)> Pems()
    {
        if (Value.Certificate is { } certificate)
        {
            var message = (TlsCertificate)_message;
            yield return (certificate.Chain, FileOf(message.Pkcs12 ?? message.CertificateChain));
        }
        else if (Value.Validation is { } validation)
        {
            if (validation.TrustedCa.Length > 0)
            {
                yield return (validation.TrustedCa, FileOf(((CertificateValidationContext)_message).TrustedCa));
            }

            foreach (var domain in validation.TrustDomains)
            {
                yield return (domain.TrustedCa, domain.Name);
            }
        }
    }

    private static string FileOf(DataSource? source) => source?.SpecifierCase == DataSource.SpecifierOneofCase.Filename ? source.Filename : "<inline>";

    private static SecretValue? ValueOf(IMessage message, string source, DateTimeOffset now, TranslationProblems problems, ConfigPath path)
    {
        switch (message)
        {
            case TlsCertificate certificate:
                return CertificateReader.Read(certificate, source, now, problems, path) is { } read ? new SecretValue(Certificate: read) : null;
            case CertificateValidationContext validation:
                return ValidationContextReader.Read(validation, source, problems, path) is { } context ? new SecretValue(Validation: context) : null;
            default:
                return TicketKeys((TlsSessionTicketKeys)message, problems, path) is { } keys ? new SecretValue(TicketKeys: keys) : null;
        }
    }

    private static ValueList<string>? TicketKeys(TlsSessionTicketKeys message, TranslationProblems problems, ConfigPath path)
    {
        const int Length = 80;
        var before = problems.Found.Count;
        var place = path.Field("keys");
        if (message.Keys.Count == 0)
        {
            problems.Add(place, "there is no key", "add one of 80 random bytes: openssl rand 80");
        }

        var keys = new List<string>();
        for (var i = 0; i < message.Keys.Count; i++)
        {
            var known = problems.Found.Count;
            var bytes = DataSourceReader.Read(message.Keys[i], problems, place.Index(i));
            if (problems.Found.Count == known && bytes.Length != Length)
            {
                problems.Add(place.Index(i), $"a session ticket key has exactly {Length} bytes, this one has {bytes.Length}", "make one with: openssl rand 80");
            }

            keys.Add(Convert.ToBase64String(bytes.Span));
        }

        return problems.Found.Count > before ? null : new ValueList<string>(keys);
    }

    private static string[] FoldersOf(IMessage message, bool followsFiles, TranslationProblems problems, ConfigPath path)
    {
        var (watched, sources) = message switch
        {
            TlsCertificate certificate => (certificate.WatchedDirectory, (DataSource?[])[certificate.CertificateChain, certificate.PrivateKey, certificate.Pkcs12, certificate.Password, certificate.OcspStaple]),
            CertificateValidationContext validation => (validation.WatchedDirectory, [validation.TrustedCa, validation.Crl, .. BundlesOf(validation)]),
            TlsSessionTicketKeys keys => (null, [.. keys.Keys]),
            _ => (null, []),
        };
        if (watched is not null)
        {
            if (Directory.Exists(watched.Path))
            {
                return [Path.GetFullPath(watched.Path)];
            }

            problems.Add(path.Field("watched_directory").Field("path"), $"\"{watched.Path}\" is no directory", "name the one whose links are moved when the files change");
            return [];
        }

        return followsFiles
            ? [.. sources.Where(static source => source?.SpecifierCase == DataSource.SpecifierOneofCase.Filename).Select(static source => Path.GetDirectoryName(Path.GetFullPath(source!.Filename))!).Distinct(StringComparer.Ordinal)]
            : [];
    }

    private static IEnumerable<DataSource?> BundlesOf(CertificateValidationContext message) =>
        message.CustomValidatorConfig?.TypedConfig?.TryUnpack(out SPIFFECertValidatorConfig spiffe) == true
            ? spiffe.TrustDomains.Select(static domain => domain.TrustBundle).Append(spiffe.TrustBundles)
            : [];
}

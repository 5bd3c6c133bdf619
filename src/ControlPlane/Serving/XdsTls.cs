using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>
/// TLS towards proxies. The files are read again for each connection, so that renewed ones are used from the next on; ones that cannot be used are told of once, and
/// what they held before stays. For any thread.
/// </summary>
internal sealed partial class XdsTls
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Least time between two lines about proxies that were refused.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly XdsTlsOptions _files;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private Texts _tried;
    private string _fault = "";
    private SslServerAuthenticationOptions _current;
    private long _toldAt;
    private int _untold;

    /// <summary>Reads the files.</summary>
    /// <exception cref="IOException">They cannot be used; the message says why.</exception>
    public XdsTls(XdsTlsOptions files, TimeProvider clock, ILogger logger)
    {
        (_files, _clock, _logger) = (files, clock, logger);
        _toldAt = clock.GetTimestamp() - (clock.TimestampFrequency * (long)Quiet.TotalSeconds);
        try
        {
            _tried = Read();
            _current = Make(_tried);
        }
        catch (Exception error) when (IsOfFiles(error))
        {
            throw new IOException($"xDS cannot be served by TLS: {error.Message}", error);
        }
    }

    /// <summary>What the next connection goes by.</summary>
    public SslServerAuthenticationOptions Options()
    {
        lock (_gate)
        {
            try
            {
                var texts = Read();
                if (texts != _tried)
                {
                    _tried = texts;
                    _current = Make(texts);
                    LogRenewed(_logger, _files.CertificateFile);
                }
            }
            catch (Exception error) when (IsOfFiles(error))
            {
                // Files that cannot be read look new each time.
                if (error.Message != _fault)
                {
                    _fault = error.Message;
                    LogUnusable(_logger, error.Message);
                }
            }

            return _current;
        }
    }

    private static bool IsOfFiles(Exception error) => error is IOException or InvalidDataException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private Texts Read() => new(
        ReadText(_files.CertificateFile), ReadText(_files.KeyFile), _files.ClientAuthorityFile is { } authorities ? ReadText(authorities) : null);

    private static string ReadText(string file)
    {
        const int MaxLength = 1024 * 1024;
        using var stream = File.OpenRead(file);
        var bytes = new byte[MaxLength + 1];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return count <= MaxLength ? System.Text.Encoding.UTF8.GetString(bytes, 0, count) : throw new InvalidDataException($"{file} has more than {MaxLength} bytes");
    }

    private SslServerAuthenticationOptions Make(Texts texts)
    {
        var certificate = CertificateOf(texts);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(texts.Chain);
        chain.RemoveAt(0);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            AllowRenegotiation = false,
        };
        if (texts.Authorities is null)
        {
            return options;
        }

        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            ApplicationPolicy = { new Oid(ClientAuthentication) },
        };
        policy.CustomTrustStore.ImportFromPem(texts.Authorities);
        if (policy.CustomTrustStore.Count == 0)
        {
            throw new InvalidDataException($"{_files.ClientAuthorityFile} holds no certificate in PEM");
        }

        options.ClientCertificateRequired = true;
        options.CertificateChainPolicy = policy;

        // A session that is continued is not judged again, though its authority may have gone meanwhile.
        options.AllowTlsResume = false;
        options.RemoteCertificateValidationCallback = (_, shown, built, errors) => IsAccepted(shown, built, errors);
        return options;
    }

    private X509Certificate2 CertificateOf(Texts texts)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = X509Certificate2.CreateFromPem(texts.Chain, texts.Key);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException($"{_files.CertificateFile} and {_files.KeyFile} are no certificate with its key: {error.Message}", error);
        }

        if (certificate.NotAfter.ToUniversalTime() > _clock.GetUtcNow().UtcDateTime)
        {
            return certificate;
        }

        var end = certificate.NotAfter.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        certificate.Dispose();
        throw new InvalidDataException($"the certificate in {_files.CertificateFile} expired at {end}");
    }

    private bool IsAccepted(X509Certificate? shown, X509Chain? built, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        var reason = shown is null ? "it presents no certificate"
            : $"{shown.Subject}: {string.Join(", ", (built?.ChainStatus ?? []).Select(static status => status.StatusInformation.Trim().TrimEnd('.')).Distinct(StringComparer.Ordinal))}";
        lock (_gate)
        {
            if (_clock.GetElapsedTime(_toldAt) < Quiet)
            {
                _untold++;
                return false;
            }

            _toldAt = _clock.GetTimestamp();
            LogRefused(_logger, reason, _untold);
            _untold = 0;
        }

        return false;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "xDS goes by the renewed certificate of {File} from the next connection on")]
    private static partial void LogRenewed(ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "xDS cannot be served by the renewed files, what they held before stays: {Reason}")]
    private static partial void LogUnusable(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a proxy is refused: {Reason} ({Untold} more since the last time)")]
    private static partial void LogRefused(ILogger logger, string reason, int untold);

    /// <summary>What the files hold.</summary>
    private readonly record struct Texts(string Chain, string Key, string? Authorities);
}

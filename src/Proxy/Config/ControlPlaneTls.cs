using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Cluster.V3;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// TLS to the control plane as the <c>UpstreamTlsContext</c> of its cluster says. gRPC's own transport speaks it; certificates are judged as those of endpoints
/// are. Files are read again for each connection, so that renewed ones are used from the next on.
/// </summary>
internal sealed class ControlPlaneTls
{
    private readonly Cluster _cluster;
    private readonly TimeProvider _time;
    private UpstreamTlsConfig _config;

    private ControlPlaneTls(Cluster cluster, UpstreamTlsConfig config, TimeProvider time) => (_cluster, _config, _time) = (cluster, config, time);

    /// <summary>Reads it; null for plain text, and after a problem.</summary>
    /// <param name="cluster">The control plane's cluster.</param>
    /// <param name="problems">Takes what is wrong.</param>
    /// <param name="path">Where the cluster stands.</param>
    /// <param name="time">The clock that certificates are held against.</param>
    public static ControlPlaneTls? Of(Cluster cluster, TranslationProblems problems, ConfigPath path, TimeProvider time) =>
        Read(cluster, problems, path, time.GetUtcNow()) is { } config ? new ControlPlaneTls(cluster, config, time) : null;

    /// <summary>What the next connection goes by. Where files have become bad meanwhile, what they held before stays.</summary>
    public SslClientAuthenticationOptions Options()
    {
        var problems = new TranslationProblems();
        if (Read(_cluster, problems, ConfigPath.Root, _time.GetUtcNow()) is { } renewed && problems.Found.Count == 0)
        {
            _config = renewed;
        }

        var config = _config;
        var verifier = config.Validation is { } validation ? new PeerVerifier(validation) : null;
        var demandedHost = config.AutoSniSanValidation && config.Sni.Length > 0 ? config.Sni : null;
        return new SslClientAuthenticationOptions
        {
            TargetHost = config.Sni.Length > 0 ? config.Sni : null,
            EnabledSslProtocols = (config.Parameters.Minimum == TlsVersion.Tls12 ? SslProtocols.Tls12 : SslProtocols.None)
                | (config.Parameters.Maximum == TlsVersion.Tls13 ? SslProtocols.Tls13 : SslProtocols.None),
            ClientCertificateContext = config.Certificate is { } certificate ? ContextOf(certificate) : null,

            // What the platform thinks of a certificate is not asked for: nothing is fetched for it.
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
            RemoteCertificateValidationCallback = (_, leaf, chain, _) => IsAccepted(verifier, leaf, chain, demandedHost),
        };
    }

    private static UpstreamTlsConfig? Read(Cluster cluster, TranslationProblems problems, ConfigPath path, DateTimeOffset now)
    {
        var before = problems.Found.Count;
        var place = path.Field("transport_socket");
        if (cluster.TransportSocketMatches.Count > 0)
        {
            problems.Add(path.Field("transport_socket_matches"), "is not supported for the control plane", "use transport_socket");
        }

        if (TransportSocketTranslator.Upstream(cluster.TransportSocket, new SocketReading($"cluster \"{cluster.Name}\"", now), problems, place) is not { } plan)
        {
            return null;
        }

        if (plan.Parts.Any(static part => part.Reference is not null))
        {
            problems.Add(plan.Place, "secrets of the control plane's own cluster are not discovered", "write them where they are used, inline or by filename");
            return null;
        }

        var parameters = plan.Settings.Parameters;
        if (parameters.CipherSuites.Count + parameters.Groups.Count + parameters.SignatureAlgorithms.Count > 0)
        {
            problems.Add(plan.Place.Field("tls_params"), "cipher suites, groups and signature algorithms are the library's towards the control plane", "keep the versions alone");
        }

        if (plan.Settings.AutoHostSni)
        {
            problems.Add(place.Field("typed_config").Field("auto_host_sni"), "is not supported for the control plane", "write its name as sni");
        }

        plan.Check(NoSecrets.Instance, problems);
        return problems.Found.Count > before ? null : plan.Resolve(NoSecrets.Instance);
    }

    private static SslStreamCertificateContext ContextOf(CertificateConfig certificate)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificate.Chain);
        chain.RemoveAt(0);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(certificate.Chain, certificate.Key), chain, offline: true);
    }

    private static bool IsAccepted(PeerVerifier? verifier, X509Certificate? certificate, X509Chain? chain, string? demandedHost)
    {
        if (verifier is null)
        {
            return true;
        }

        if (certificate is null)
        {
            throw new AuthenticationException("it presents no certificate");
        }

        var leafPem = PemEncoding.WriteString("CERTIFICATE", certificate.GetRawCertData());
        var presented = string.Join('\n', (chain?.ChainPolicy.ExtraStore ?? []).Select(static other => other.ExportCertificatePem()).Append(leafPem));
        using var leaf = PemReader.Certificates(leafPem, "the control plane");
        using var others = PemReader.Certificates(presented, "the control plane");
        using var stack = new CertificateStack(others);
        var verdict = verifier.Judge(leaf.Value, stack.Value, isClient: false, demandedHost, out _);
        return verdict.IsAccepted ? true : throw new AuthenticationException($"its certificate is refused: {verdict.Reason}");
    }

    /// <summary>None is ever asked for.</summary>
    private sealed class NoSecrets : ISecrets
    {
        public static NoSecrets Instance { get; } = new();

        public TlsSecret? Find(SecretReference reference) => null;
    }
}

using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Tls.Settings;

/// <summary>TLS towards endpoints: Envoy's <c>UpstreamTlsContext</c> with its secrets in place. Equal settings make equal contexts.</summary>
public sealed record UpstreamTlsConfig
{
    /// <summary>Versions, suites, groups.</summary>
    public TlsParameters Parameters { get; init; } = TlsParameters.Default;

    /// <summary>What we present to endpoints that ask; null for nothing.</summary>
    public CertificateConfig? Certificate { get; init; }

    /// <summary>How an endpoint's certificate is judged; null for not at all, as in Envoy.</summary>
    public PeerValidationConfig? Validation { get; init; }

    /// <summary>Server name to ask for; empty for none.</summary>
    public string Sni { get; init; } = "";

    /// <summary>True to ask for the endpoint's host name where it has one (<c>auto_host_sni</c>).</summary>
    public bool AutoHostSni { get; init; }

    /// <summary>True to demand the name that was asked for (<c>auto_sni_san_validation</c>).</summary>
    public bool AutoSniSanValidation { get; init; }

    /// <summary>Protocols in order of preference, as in ALPN; empty to take no part in it.</summary>
    public ValueList<string> AlpnProtocols { get; init; } = ValueList<string>.Empty;

    /// <summary>Most sessions kept for resumption; 1 by default, 0 for none.</summary>
    public int MaxSessionKeys { get; init; } = 1;

    /// <summary>True while a secret has not come: connections fail at once, and <c>upstream_context_secrets_not_ready</c> counts them.</summary>
    public bool SecretsAreMissing { get; init; }
}

using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Tls.Settings;

/// <summary>TLS towards clients: Envoy's <c>DownstreamTlsContext</c> with its secrets in place. Equal settings make equal contexts.</summary>
public sealed record DownstreamTlsConfig
{
    /// <summary>Versions, suites, groups.</summary>
    public TlsParameters Parameters { get; init; } = TlsParameters.Default;

    /// <summary>The certificates to choose from by server name and kind of key; the first is for clients that ask for a name that none has.</summary>
    public required ValueList<CertificateConfig> Certificates { get; init; }

    /// <summary>How a client's certificate is judged; null where none is asked for.</summary>
    public PeerValidationConfig? Validation { get; init; }

    /// <summary>True to refuse clients without a certificate.</summary>
    public bool RequireClientCertificate { get; init; }

    /// <summary>Protocols in order of preference, as in ALPN; empty to take no part in it.</summary>
    public ValueList<string> AlpnProtocols { get; init; } = ValueList<string>.Empty;

    /// <summary>Session ticket keys in Base64, 80 bytes each: the first encrypts, all decrypt. Empty for keys of this process, which change by themselves.</summary>
    public ValueList<string> TicketKeys { get; init; } = ValueList<string>.Empty;

    /// <summary>True to give out no tickets.</summary>
    public bool DisableStatelessResumption { get; init; }

    /// <summary>True to keep no sessions for clients of TLS 1.2 without tickets.</summary>
    public bool DisableStatefulResumption { get; init; }

    /// <summary>How long a session may be resumed; 2 h by default, as the library that Envoy uses.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromHours(2);

    /// <summary>When a stapled OCSP response is a must.</summary>
    public OcspStaplePolicy OcspStaplePolicy { get; init; }

    /// <summary>True to look at every certificate for a fitting kind of key where none has the server name.</summary>
    public bool FullScanCertsOnSniMismatch { get; init; }

    /// <summary>True to take the client's preference among cipher suites; the server's goes by default.</summary>
    public bool PreferClientCiphers { get; init; }

    /// <summary>True while a secret has not come: connections are closed at once, and <c>downstream_context_secrets_not_ready</c> counts them.</summary>
    public bool SecretsAreMissing { get; init; }
}

/// <summary>Envoy's <c>DownstreamTlsContext.OcspStaplePolicy</c>.</summary>
public enum OcspStaplePolicy
{
    /// <summary>Staple a response that is there and valid; go without otherwise.</summary>
    LenientStapling,

    /// <summary>A response that is there must be valid, or handshakes that ask for it fail.</summary>
    StrictStapling,

    /// <summary>Every certificate needs a valid response.</summary>
    MustStaple,
}

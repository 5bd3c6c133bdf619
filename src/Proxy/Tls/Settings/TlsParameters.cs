using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Tls.Settings;

/// <summary>A version of TLS that can be spoken.</summary>
public enum TlsVersion
{
    /// <summary>TLS 1.2 (RFC 5246).</summary>
    Tls12,

    /// <summary>TLS 1.3 (RFC 8446).</summary>
    Tls13,
}

/// <summary>What is offered or accepted in a handshake: Envoy's <c>TlsParameters</c>.</summary>
public sealed record TlsParameters
{
    /// <summary>Envoy's defaults, without TLS 1.0 and 1.1.</summary>
    public static TlsParameters Default { get; } = new();

    /// <summary>Lowest version; 1.2 by default.</summary>
    public TlsVersion Minimum { get; init; } = TlsVersion.Tls12;

    /// <summary>Highest version; 1.3 by default. (Envoy's clients stop at 1.2 unless told otherwise.)</summary>
    public TlsVersion Maximum { get; init; } = TlsVersion.Tls13;

    /// <summary>Cipher suites of TLS 1.2 in order of preference, by their OpenSSL names; empty for the default list. Those of TLS 1.3 are not configurable, as in Envoy.</summary>
    public ValueList<string> CipherSuites { get; init; } = ValueList<string>.Empty;

    /// <summary>Key exchange groups in order of preference (<c>ecdh_curves</c>); empty for the default list.</summary>
    public ValueList<string> Groups { get; init; } = ValueList<string>.Empty;

    /// <summary>Signature algorithms in order of preference; empty for the library's.</summary>
    public ValueList<string> SignatureAlgorithms { get; init; } = ValueList<string>.Empty;
}

using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>What is offered and accepted where nothing is configured: Envoy's lists (Envoy documentation, <c>TlsParameters</c>), with the hybrid group where the library knows it.</summary>
internal static class TlsDefaults
{
    /// <summary>Suites of TLS 1.2: forward secrecy and authenticated encryption only.</summary>
    public static ValueList<string> CipherSuites { get; } = new(
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    ]);

    /// <summary>Suites of TLS 1.3, in the order of the library that Envoy uses: the cheapest of those that are strong enough first.</summary>
    public static ValueList<string> Tls13CipherSuites { get; } = new(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]);

    /// <summary>Groups by preference. The first, which withstands quantum computers, came with OpenSSL 3.5.</summary>
    public static ValueList<string> Groups { get; } = new(["X25519MLKEM768", "X25519", "P-256", "P-384"]);

    /// <summary>The same without the hybrid one.</summary>
    public static ValueList<string> ClassicGroups { get; } = new(["X25519", "P-256", "P-384"]);
}

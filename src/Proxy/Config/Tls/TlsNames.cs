using System.Collections.Frozen;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config.Tls;

/// <summary>The names of cipher suites, groups and signature algorithms that a configuration may use (those of BoringSSL, which Envoy takes), as OpenSSL knows them.</summary>
internal static class TlsNames
{
    private static readonly FrozenDictionary<string, string> Suites = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] = "ECDHE-ECDSA-AES128-GCM-SHA256",
        ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] = "ECDHE-RSA-AES128-GCM-SHA256",
        ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"] = "ECDHE-ECDSA-AES256-GCM-SHA384",
        ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"] = "ECDHE-RSA-AES256-GCM-SHA384",
        ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"] = "ECDHE-ECDSA-CHACHA20-POLY1305",
        ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"] = "ECDHE-RSA-CHACHA20-POLY1305",
        ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"] = "ECDHE-ECDSA-AES128-SHA",
        ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"] = "ECDHE-RSA-AES128-SHA",
        ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"] = "ECDHE-RSA-AES128-SHA256",
        ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"] = "ECDHE-ECDSA-AES256-SHA",
        ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"] = "ECDHE-RSA-AES256-SHA",
        ["TLS_RSA_WITH_AES_128_GCM_SHA256"] = "AES128-GCM-SHA256",
        ["TLS_RSA_WITH_AES_256_GCM_SHA384"] = "AES256-GCM-SHA384",
        ["TLS_RSA_WITH_AES_128_CBC_SHA"] = "AES128-SHA",
        ["TLS_RSA_WITH_AES_256_CBC_SHA"] = "AES256-SHA",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenSet<string> SuitesOfOpenSsl = Suites.Values.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Groups = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["X25519"] = "X25519",
        ["X448"] = "X448",
        ["P-256"] = "P-256",
        ["prime256v1"] = "P-256",
        ["secp256r1"] = "P-256",
        ["P-384"] = "P-384",
        ["secp384r1"] = "P-384",
        ["P-521"] = "P-521",
        ["secp521r1"] = "P-521",
        ["X25519MLKEM768"] = "X25519MLKEM768",
        ["SecP256r1MLKEM768"] = "SecP256r1MLKEM768",
        ["SecP384r1MLKEM1024"] = "SecP384r1MLKEM1024",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string> SignatureAlgorithms = new[]
    {
        "ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ed25519",
        "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512", "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Cipher suites of TLS 1.2 in order; those of equal preference, <c>[A|B]</c>, one after the other.</summary>
    public static IEnumerable<string> SuitesOf(IReadOnlyList<string> texts, TranslationProblems problems, ConfigPath path) =>
        Translate(texts, problems, path, static text => Suites.GetValueOrDefault(text) ?? (SuitesOfOpenSsl.Contains(text) ? text : null), static text =>
            text is "TLS_AES_128_GCM_SHA256" or "TLS_AES_256_GCM_SHA384" or "TLS_CHACHA20_POLY1305_SHA256"
                ? (text + " is a suite of TLS 1.3, which are not configurable", "remove it: it is always offered")
                : ($"there is no cipher suite \"{text}\" here", "use one of " + string.Join(", ", Suites.Values)));

    /// <summary>Key exchange groups in order.</summary>
    public static IEnumerable<string> GroupsOf(IReadOnlyList<string> texts, TranslationProblems problems, ConfigPath path) =>
        Translate(texts, problems, path, static text => Groups.GetValueOrDefault(text), static text =>
            ($"there is no curve or group \"{text}\" here", "use one of X25519MLKEM768, X25519, P-256, P-384, P-521"));

    /// <summary>Signature algorithms in order.</summary>
    public static IEnumerable<string> SignatureAlgorithmsOf(IReadOnlyList<string> texts, TranslationProblems problems, ConfigPath path) =>
        Translate(texts, problems, path, static text => SignatureAlgorithms.Contains(text) ? text : null, static text =>
            ($"there is no signature algorithm \"{text}\" here", "use one of " + string.Join(", ", SignatureAlgorithms.Order(StringComparer.Ordinal))));

    private static List<string> Translate(
        IReadOnlyList<string> texts, TranslationProblems problems, ConfigPath path, Func<string, string?> find, Func<string, (string Message, string Remedy)> unknown)
    {
        var found = new List<string>();
        for (var i = 0; i < texts.Count; i++)
        {
            foreach (var text in texts[i].Split([':', '[', '|', ']'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (find(text) is not { } name)
                {
                    var (message, remedy) = unknown(text);
                    problems.Add(path.Index(i), message, remedy);
                }
                else if (!found.Contains(name, StringComparer.Ordinal))
                {
                    found.Add(name);
                }
            }
        }

        return found;
    }
}

using KubeProxyNet.Proxy.Collections;

namespace KubeProxyNet.Proxy.Tls.Settings;

/// <summary>How a peer's certificate is judged: Envoy's <c>CertificateValidationContext</c>, read and checked.</summary>
public sealed record PeerValidationConfig
{
    /// <summary>The resource that sets the expectation, for people: <c>secret "mesh-ca"</c>, or where it stands.</summary>
    public required string Source { get; init; }

    /// <summary>The trusted authorities in PEM; empty for none, and then no chain is built.</summary>
    public string TrustedCa { get; init; } = "";

    /// <summary>Revocation lists in PEM; empty for none. Where there are some, a chain whose issuer has none is refused.</summary>
    public string Crl { get; init; } = "";

    /// <summary>True to look for revocation of the leaf alone.</summary>
    public bool OnlyVerifyLeafCrl { get; init; }

    /// <summary>Accepted SHA-256 hashes of the certificate's DER, in lower-case hex without separators; empty for any.</summary>
    public ValueList<string> CertificateHashes { get; init; } = ValueList<string>.Empty;

    /// <summary>Accepted SHA-256 hashes of the certificate's public key info, in Base64; empty for any. One of these or of <see cref="CertificateHashes"/> is enough.</summary>
    public ValueList<string> SpkiHashes { get; init; } = ValueList<string>.Empty;

    /// <summary>One of these must match a subject alternative name; empty for no demand.</summary>
    public ValueList<SanMatcher> Sans { get; init; } = ValueList<SanMatcher>.Empty;

    /// <summary>True to accept certificates whose time has passed or not come.</summary>
    public bool AllowExpired { get; init; }

    /// <summary>Most certificates between the leaf and the trusted one; null for the library's 100.</summary>
    public int? MaxVerifyDepth { get; init; }

    /// <summary>True to accept a chain that is not trusted (<c>ACCEPT_UNTRUSTED</c>); logs and headers then tell.</summary>
    public bool AcceptUntrusted { get; init; }

    /// <summary>The authorities of each SPIFFE trust domain; empty where <see cref="TrustedCa"/> holds for all. A peer then needs exactly one URI name, of one of them.</summary>
    public ValueList<TrustDomainBundle> TrustDomains { get; init; } = ValueList<TrustDomainBundle>.Empty;
}

/// <summary>The authorities of a SPIFFE trust domain.</summary>
/// <param name="Name">The trust domain, as in <c>spiffe://NAME/…</c>.</param>
/// <param name="TrustedCa">Its authorities in PEM.</param>
public sealed record TrustDomainBundle(string Name, string TrustedCa);

/// <summary>The kinds of subject alternative names that can be matched: Envoy's <c>SanType</c>.</summary>
public enum SanType
{
    Email,
    Dns,
    Uri,
    IpAddress,
    OtherName,
}

/// <summary>A demand on a subject alternative name: Envoy's <c>SubjectAltNameMatcher</c>.</summary>
/// <param name="Type">Kind of name.</param>
/// <param name="Text">What the name must be.</param>
/// <param name="Oid">The object identifier of an other name; empty for the other kinds.</param>
public sealed record SanMatcher(SanType Type, INameMatcher Text, string Oid = "");

/// <summary>Judges a name. Its equality decides whether a validation has changed, and its text tells people what is expected.</summary>
public interface INameMatcher
{
    /// <summary>The name that is demanded letter by letter; null where it is not an exact demand. A DNS name of a certificate with a wildcard is compared with it as RFC 6125 says.</summary>
    string? Exact { get; }

    /// <summary>True where the name is as demanded. May be called on any thread.</summary>
    bool Matches(ReadOnlySpan<byte> name);
}

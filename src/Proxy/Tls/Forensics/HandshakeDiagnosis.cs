using System.Buffers.Binary;
using System.Text;
using KubeProxyNet.Proxy.Tls.Inspection;

namespace KubeProxyNet.Proxy.Tls.Forensics;

/// <summary>Finds out what can be said of a handshake that failed.</summary>
internal static class HandshakeDiagnosis
{
    private const int MaxNames = 20;
    private const string NoStaple = "the certificate has no OCSP response that is still valid, and ocsp_staple_policy or the certificate demands one";

    /// <summary>Alerts and errors in the library's words, and what usually mends them.</summary>
    private static readonly (string Reason, string Remedy)[] Remedies =
    [
        ("tlsv1 alert unknown ca", "the peer does not trust our certificate: give it the authority that signed ours, or a chain that leads to one it knows"),
        ("alert bad certificate", "the peer refused our certificate: see its log"),
        ("alert certificate unknown", "the peer refused our certificate: see its log, or trust our authority there"),
        ("alert certificate expired", "the peer finds our certificate expired: renew it"),
        ("alert certificate required", "the peer demands a client certificate: configure one in the cluster's tls_certificates"),
        ("alert handshake failure", "the two sides have no suite, group or kind of key in common, or the peer demands a client certificate"),
        ("alert protocol version", "the two sides have no version in common: compare tls_params"),
        ("unsupported protocol", "the peer offers only versions below tls_minimum_protocol_version"),
        ("no shared cipher", "the peer offers no cipher suite that fits: compare cipher_suites, and the kind of the certificate's key"),
        ("no suitable key share", "the peer offers no group of ours: compare ecdh_curves"),
        ("peer did not return a certificate", "the client presented no certificate: give it one, or set require_client_certificate to false"),
        ("wrong version number", "the peer does not speak TLS here: plain text on a TLS port, or the other way round"),
        ("http request", "the client speaks plain HTTP to a TLS port: use https://"),
        ("certificate has expired", "renew the certificate, or look at the clock"),
        ("certificate is not yet valid", "look at the clocks of both sides"),
        ("self-signed certificate in certificate chain", "add the chain's root to trusted_ca, if it is to be trusted"),
        ("self-signed certificate", "add the certificate to trusted_ca, if it is to be trusted"),
        ("unable to get local issuer certificate", "add the issuer to trusted_ca, or have the peer send its intermediates"),
        ("unable to get certificate CRL", "add the revocation list of the issuer to crl, or set only_verify_leaf_cert_crl"),
        ("certificate revoked", "the certificate was withdrawn by its issuer: replace it"),
        ("CRL has expired", "renew the revocation list in crl"),
        ("unsuitable certificate purpose", "issue a certificate whose extended key usage fits: serverAuth for servers, clientAuth for clients"),
        (NoStaple, "renew ocsp_staple of the certificate, or write ocsp_staple_policy: LENIENT_STAPLING"),
        ("no subject alternative name is as demanded", "compare the presented names with match_typed_subject_alt_names"),
        ("the certificate is not for", "compare the presented names with the server name, which auto_san_validation and auto_sni_san_validation demand"),
        ("none of those that are pinned", "compare the certificate with verify_certificate_hash and verify_certificate_spki"),
        ("no authorities are configured for the trust domain", "add the trust domain to trust_domains, or look who answers there"),
    ];

    /// <summary>What mends a fault; empty where that is not known.</summary>
    public static string RemedyOf(string reason)
    {
        foreach (var (known, remedy) in Remedies)
        {
            if (reason.Contains(known, StringComparison.OrdinalIgnoreCase))
            {
                return remedy;
            }
        }

        return "";
    }

    /// <summary>Tells of a failed handshake.</summary>
    /// <param name="socket">Where it failed; not released yet.</param>
    /// <param name="resource">What set the demands.</param>
    /// <param name="peer">Address and port of the peer.</param>
    /// <param name="reason">Why, where the library does not know: a deadline; empty otherwise.</param>
    public static HandshakeFailure Of(TlsSocket socket, string resource, string peer, string reason = "")
    {
        var verdict = socket.Verdict is { IsAccepted: false } refused ? refused : null;
        var why = verdict?.Reason ?? (socket.Staple == StapleOutcome.Refused ? NoStaple : reason.Length > 0 ? reason : socket.Failure.Length > 0 ? socket.Failure : "the peer ended the connection inside the handshake");
        var validation = socket.Context.Verifier?.Config;
        var hello = Hello(socket.ReceivedHello);
        return new HandshakeFailure
        {
            Side = socket.Context.IsServer ? "downstream" : "upstream",
            Resource = resource,
            Peer = peer,
            Reason = why,
            Remedy = RemedyOf(why),
            ServerName = socket.Context.IsServer ? hello.ServerName : socket.AskedServerName ?? "",
            OfferedProtocols = socket.Context.IsServer ? hello.Protocols : socket.Context.OfferedProtocols is { Count: > 0 } own ? [.. own] : AlpnList.Decode(socket.FallbackProtocols),
            OfferedVersions = socket.Context.IsServer ? hello.Versions : [.. socket.Context.OfferedVersions],
            ExpectedNames = [.. Expected(socket)],
            TrustBundle = validation is { TrustedCa.Length: > 0 } or { TrustDomains.Count: > 0 } ? validation.Source : "",
            Presented = verdict?.Chain ?? [],
            Depth = verdict?.Depth ?? 0,
        };
    }

    private static IEnumerable<string> Expected(TlsSocket socket)
    {
        foreach (var matcher in socket.Context.Verifier?.Config.Sans ?? Collections.ValueList<Settings.SanMatcher>.Empty)
        {
            yield return $"{matcher.Type} {matcher.Text}";
        }

        if (socket.DemandedHost is { } host)
        {
            yield return $"host exact '{host}'";
        }
    }

    private static (string ServerName, string[] Protocols, string[] Versions) Hello(Span<byte> bytes)
    {
        if (ClientHelloReader.Read(bytes, bytes.Length, out var hello) != ClientHelloStatus.Found)
        {
            return ("", [], []);
        }

        var protocols = new List<string>();
        for (var rest = hello.ApplicationProtocols; !rest.IsEmpty && protocols.Count < MaxNames; rest = rest[(1 + rest[0])..])
        {
            protocols.Add(Encoding.ASCII.GetString(rest.Slice(1, rest[0])));
        }

        var versions = new List<string>();
        for (var rest = hello.SupportedVersions; !rest.IsEmpty && versions.Count < MaxNames; rest = rest[2..])
        {
            var version = BinaryPrimitives.ReadUInt16BigEndian(rest);

            // Reserved values (RFC 8701) say nothing.
            if ((version & 0x0F0F) != 0x0A0A)
            {
                versions.Add(NameOf(version));
            }
        }

        return (Encoding.ASCII.GetString(hello.ServerName), [.. protocols], versions.Count > 0 ? [.. versions] : [NameOf(hello.LegacyVersion)]);
    }

    private static string NameOf(ushort version) => version switch
    {
        0x0300 => "SSLv3",
        0x0301 => "TLSv1.0",
        0x0302 => "TLSv1.1",
        0x0303 => "TLSv1.2",
        0x0304 => "TLSv1.3",
        _ => $"0x{version:x4}",
    };
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls.Peers;

/// <summary>
/// Judges the certificates of peers by one validation context, in Envoy's order: the chain, then the names, then the pins. Belongs to a context; workers share
/// it.
/// </summary>
internal sealed unsafe class PeerVerifier
{
    private const int ApplicationError = 50;
    private const int MaxShownChain = 10;

    private readonly TrustStore? _authorities;
    private readonly Dictionary<string, TrustStore> _domains = new(StringComparer.Ordinal);
    private readonly HashSet<string> _hashes;
    private readonly HashSet<string> _spkiHashes;

    /// <summary>Makes a verifier.</summary>
    /// <exception cref="TlsException">The library cannot read an authority or a revocation list.</exception>
    public PeerVerifier(PeerValidationConfig config)
    {
        OpenSslLibrary.Require();
        Config = config;
        _hashes = [.. config.CertificateHashes];
        _spkiHashes = [.. config.SpkiHashes];
        _authorities = config.TrustedCa.Length > 0 ? new TrustStore(config.TrustedCa, config) : null;
        foreach (var domain in config.TrustDomains)
        {
            _domains[domain.Name] = new TrustStore(domain.TrustedCa, config);
        }
    }

    public PeerValidationConfig Config { get; }

    /// <summary>True where a certificate has to be vouched for or pinned; otherwise any is accepted and none counts as validated.</summary>
    public bool IsDemanding => _authorities is not null || _domains.Count > 0 || _hashes.Count + _spkiHashes.Count > 0;

    /// <summary>A text that differs where two validations differ in what they accept.</summary>
    public static string Fingerprint(PeerValidationConfig? config) => config is null ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"{config}\n{string.Join('\n', config.CertificateHashes)}\n{string.Join('\n', config.SpkiHashes)}\n{string.Join('\n', config.Sans)}\n{string.Join('\n', config.TrustDomains)}")));

    /// <summary>Has a context of the library ask for certificates and judge them by this.</summary>
    public void Install(SslContextHandle context, bool isRequired)
    {
        if (Config.TrustedCa.Length > 0 && !Config.AcceptUntrusted)
        {
            // Tells clients whose certificates are welcome (RFC 8446 section 4.2.4).
            using var authorities = PemReader.Certificates(Config.TrustedCa, Config.Source);
            for (var i = 0; i < authorities.Count; i++)
            {
                _ = LibSsl.ContextAddClientCa(context.Value, authorities[i]);
            }
        }

        LibSsl.ContextSetVerify(context.Value, LibSsl.VerifyPeer | (isRequired ? LibSsl.VerifyFailIfNoPeerCertificate : 0), null);
        LibSsl.ContextSetCertificateVerifyCallback(context.Value, &OnVerify, 0);
    }

    /// <summary>Judges a certificate.</summary>
    /// <param name="leaf">The certificate, as the library holds it.</param>
    /// <param name="others">What was presented with it.</param>
    /// <param name="isClient">True where it belongs to a client.</param>
    /// <param name="demandedHost">A name that it must have besides; null for none.</param>
    /// <param name="error">The library's number for what is wrong, from which it chooses the alert; 0 for nothing.</param>
    public PeerVerdict Judge(nint leaf, nint others, bool isClient, string? demandedHost, out int error)
    {
        PeerCertificate certificate;
        try
        {
            certificate = PeerCertificate.Of(leaf);
        }
        catch (CryptographicException unreadable)
        {
            error = ApplicationError;
            return new PeerVerdict(PeerFault.Chain, unreadable.Message, 0, IsAccepted: false, []);
        }

        var (fault, reason, depth) = Find(leaf, others, isClient, demandedHost, certificate, out error);
        if (fault == PeerFault.None)
        {
            certificate.Dispose();
            return PeerVerdict.Trusted;
        }

        return new PeerVerdict(fault, reason, depth, Config.AcceptUntrusted, [certificate, .. Others(others, certificate)]);
    }

    private (PeerFault Fault, string Reason, int Depth) Find(nint leaf, nint others, bool isClient, string? demandedHost, PeerCertificate certificate, out int error)
    {
        error = ApplicationError;
        if (StoreFor(certificate, out var noStore) is { } store)
        {
            error = store.Verify(leaf, others, isClient, Config.MaxVerifyDepth, out var depth);
            if (error != 0)
            {
                return (PeerFault.Chain, Marshal.PtrToStringUTF8((nint)LibCrypto.VerifyErrorText(error)) ?? $"error {error}", depth);
            }
        }
        else if (noStore.Length > 0)
        {
            return (PeerFault.Chain, noStore, 0);
        }

        if (!NameDemand.IsMet(certificate.Names, Config.Sans))
        {
            error = ApplicationError;
            return (PeerFault.Name, "no subject alternative name is as demanded", 0);
        }

        if (demandedHost is not null && !certificate.Names.Any(name => IsHost(name, demandedHost)))
        {
            error = ApplicationError;
            return (PeerFault.Name, $"the certificate is not for \"{demandedHost}\"", 0);
        }

        if (_hashes.Count + _spkiHashes.Count > 0 && !_hashes.Contains(certificate.Fingerprint) && !_spkiHashes.Contains(certificate.SpkiHash))
        {
            error = ApplicationError;
            return (PeerFault.Pin, "the certificate is none of those that are pinned", 0);
        }

        error = 0;
        return default;
    }

    /// <summary>The authorities that must vouch for a certificate; null where none need to, or, with a reason, none can.</summary>
    private TrustStore? StoreFor(PeerCertificate certificate, out string problem)
    {
        problem = "";
        if (_domains.Count == 0)
        {
            return _authorities;
        }

        // SPIFFE X509-SVID sections 2 and 5.2: one URI name, and no authority.
        var uris = certificate.NamesOf(SanType.Uri).ToArray();
        if (uris.Length != 1 || !SpiffeId.TryParse(uris[0], out var id))
        {
            problem = uris.Length == 1 ? $"the URI name \"{uris[0]}\" is no SPIFFE identity" : $"a SPIFFE certificate has one URI name, this one has {uris.Length}";
            return null;
        }

        if (certificate.IsAuthority)
        {
            problem = "a SPIFFE certificate of a workload must not be able to sign others";
            return null;
        }

        if (_domains.TryGetValue(id.TrustDomain, out var store))
        {
            return store;
        }

        problem = $"no authorities are configured for the trust domain \"{id.TrustDomain}\"";
        return null;
    }

    private static bool IsHost(SubjectAltName name, string host) => name.Type switch
    {
        SanType.Dns => NameDemand.IsFor(name.Text, host),
        SanType.IpAddress => name.Text.Equals(host, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static List<PeerCertificate> Others(nint others, PeerCertificate leaf)
    {
        var found = new List<PeerCertificate>();
        for (var i = 0; others != 0 && i < LibCrypto.StackCount(others) && found.Count < MaxShownChain; i++)
        {
            var other = PeerCertificate.Of(LibCrypto.StackValue(others, i));
            if (!other.Der.AsSpan().SequenceEqual(leaf.Der))
            {
                found.Add(other);
            }
        }

        return found;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnVerify(nint store, nint argument)
    {
        var socket = TlsSocket.Of(LibCrypto.StoreContextExtraData(store, LibSsl.ExtraDataIndexOfStoreContext()));
        try
        {
            var verdict = socket.Context.Verifier!.Judge(
                LibCrypto.StoreContextLeaf(store), LibCrypto.StoreContextUntrusted(store), socket.Context.IsServer, socket.DemandedHost, out var error);
            socket.Verdict = verdict;
            LibCrypto.StoreContextSetError(store, verdict.IsAccepted ? 0 : error);
            return verdict.IsAccepted ? 1 : 0;
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or ArgumentException)
        {
            socket.Verdict = new PeerVerdict(PeerFault.Chain, unreadable.Message, 0, IsAccepted: false, []);
            LibCrypto.StoreContextSetError(store, ApplicationError);
            return 0;
        }
    }
}

using System.Runtime.InteropServices;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;

namespace KubeProxyNet.Proxy.Tls;

/// <content>What was agreed on, and what each side showed of itself.</content>
internal sealed unsafe partial class TlsSocket
{
    /// <summary>What the verification of the peer's certificate found; null where none was presented, or the session was resumed.</summary>
    public PeerVerdict? Verdict { get; set; }

    /// <summary>What the peer presented, also in the session that this one continues; null for nothing. Read once and kept.</summary>
    public PeerCertificate? Peer
    {
        get
        {
            if (field is null && _ssl != 0 && HasPeerCertificate && LibSsl.GetPeerCertificate(_ssl) is var certificate and not 0)
            {
                field = PeerCertificate.Of(certificate);
                LibCrypto.CertificateFree(certificate);
            }

            return field;
        }
    }

    /// <summary>The peer's certificate and those that it sent behind it; empty for none.</summary>
    public IReadOnlyList<PeerCertificate> PeerChain => field ??= ReadChain();

    /// <summary>What we presented; null for nothing. Read once and kept.</summary>
    public PeerCertificate? Local
    {
        get
        {
            if (field is null && _ssl != 0 && LibSsl.GetOwnCertificate(_ssl) is var certificate and not 0)
            {
                field = PeerCertificate.Of(certificate);
            }

            return field;
        }
    }

    /// <summary>What became of a client's wish for an OCSP response.</summary>
    public StapleOutcome Staple { get; set; }

    /// <summary>What the connection manager tells upstreams of the client's certificate, once it is composed.</summary>
    public byte[]? ForwardedElement { get; set; }

    /// <summary>True where the peer presented a certificate, now or in the session that this one continues.</summary>
    public bool HasPeerCertificate { get; private set; }

    /// <summary>True where the peer's certificate was found good in this handshake; that of a session that is continued is not looked at again.</summary>
    public bool IsPeerValidated => Verdict is { Fault: PeerFault.None } && Context.Verifier!.IsDemanding;

    /// <summary>True for TLS 1.3.</summary>
    public bool IsTls13 => _ssl != 0 && LibSsl.VersionNumber(_ssl) == LibSsl.Tls13;

    /// <summary>True where the session continues an earlier one.</summary>
    public bool IsResumed => _ssl != 0 && LibSsl.SessionReused(_ssl) != 0;

    /// <summary>The protocol that was agreed on by ALPN; empty for none.</summary>
    public string AlpnProtocol
    {
        get
        {
            byte* data = null;
            uint length = 0;
            if (_ssl == 0)
            {
                return "";
            }

            LibSsl.GetAlpnSelected(_ssl, &data, &length);
            return data == null ? "" : Encoding.ASCII.GetString(data, (int)length);
        }
    }

    /// <summary>The server name that the client asked for; null for none.</summary>
    public string? ServerName => _ssl == 0 ? null : Marshal.PtrToStringUTF8((nint)LibSsl.GetServerName(_ssl, 0));

    /// <summary>The version in the library's words, such as <c>TLSv1.3</c>.</summary>
    public string Version => field ??= _ssl == 0 ? "" : Marshal.PtrToStringUTF8((nint)LibSsl.GetVersion(_ssl)) ?? "";

    /// <summary>The cipher suite in the library's words; empty before there is one.</summary>
    public string Cipher => field ??= _ssl != 0 && LibSsl.GetCurrentCipher(_ssl) is var cipher and not 0 ? Marshal.PtrToStringUTF8((nint)LibSsl.CipherName(cipher)) ?? "" : "";

    /// <summary>The group that the keys were agreed on in, such as <c>X25519</c>; empty before there is one.</summary>
    public string Group => field ??= _ssl == 0 ? "" : KeyExchangeGroups.Of(_ssl);

    /// <summary>Keeps what logs ask for beyond the end of the connection.</summary>
    public void KeepFacts() => _ = (Version, Cipher, Group, Peer, Local);

    private List<PeerCertificate> ReadChain()
    {
        if (Peer is not { } leaf || _ssl == 0)
        {
            return [];
        }

        var chain = new List<PeerCertificate> { leaf };
        var stack = LibSsl.GetPeerChain(_ssl);
        for (var i = 0; stack != 0 && i < LibCrypto.StackCount(stack); i++)
        {
            // On our side of a server the leaf is not among them, on the other it is.
            var certificate = PeerCertificate.Of(LibCrypto.StackValue(stack, i));
            if (!certificate.Der.AsSpan().SequenceEqual(leaf.Der))
            {
                chain.Add(certificate);
            }
        }

        return chain;
    }
}

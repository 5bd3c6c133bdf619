using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>
/// TLS towards clients. The library has one context for each set of certificates that a server name can mean; which one a client gets is decided when its
/// server name is known.
/// </summary>
internal sealed unsafe class ServerTlsContext : TlsContext
{
    /// <summary>Sessions kept for clients of TLS 1.2 that take no tickets, for each set of certificates.</summary>
    private const int MaxKeptSessions = 1024;

    private readonly CertificateTable<SslContextHandle> _byName;

    /// <summary>Null where no certificate is ever refused, or there is no other.</summary>
    private readonly StapledSuccession? _succession;

    /// <summary>Makes a context.</summary>
    /// <param name="config">What it is to offer and demand.</param>
    /// <param name="scope">Sessions of other scopes are not resumed in it: the name of the filter chain and its listener.</param>
    /// <param name="tickets">The keys of session tickets where none are configured.</param>
    /// <param name="time">Tells whether a stapled response is still fresh.</param>
    /// <exception cref="TlsException">The library refuses something; it says what.</exception>
    public ServerTlsContext(DownstreamTlsConfig config, string scope, TicketKeys tickets, TimeProvider time)
    {
        OpenSslLibrary.Require();
        Config = config;
        Tickets = config.TicketKeys.Count > 0 ? new TicketKeys(config.TicketKeys) : tickets;
        Alpn = AlpnList.Encode(config.AlpnProtocols);
        Verifier = config.Validation is { } validation ? new PeerVerifier(validation)
            : config.RequireClientCertificate ? new PeerVerifier(new PeerValidationConfig { Source = "require_client_certificate" }) : null;
        Staples = new OcspStaples(config.OcspStaplePolicy, time);
        var id = SessionIdOf(config, scope);
        var sets = new List<(SslContextHandle Set, IReadOnlyList<CertificateConfig> Certificates)>();
        _byName = new CertificateTable<SslContextHandle>(config.Certificates, config.FullScanCertsOnSniMismatch, certificates =>
        {
            sets.Add((Make(certificates, id).Context, certificates));
            return sets[^1].Set;
        });
        _succession = config.Certificates.Count > 1 && Staples.MayRefuse ? SuccessionOf(sets, id) : null;
    }

    public DownstreamTlsConfig Config { get; }

    /// <inheritdoc/>
    public override TlsParameters Parameters => Config.Parameters;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OfferedProtocols => Config.AlpnProtocols;

    /// <inheritdoc/>
    public override bool IsServer => true;

    /// <inheritdoc/>
    protected override SslContextHandle Main => _byName.Default;

    /// <summary>Encrypt session tickets.</summary>
    internal TicketKeys Tickets { get; }

    /// <summary>The OCSP responses of the certificates.</summary>
    internal OcspStaples Staples { get; }

    /// <summary>Our protocols in order of preference, each with its length before it.</summary>
    internal byte[] Alpn { get; }

    private StapledSuccession SuccessionOf(List<(SslContextHandle Set, IReadOnlyList<CertificateConfig> Certificates)> sets, byte[] id)
    {
        var succession = new StapledSuccession(Staples, _byName, Config.FullScanCertsOnSniMismatch);
        CertificateConfig[] all = [.. Config.Certificates];
        foreach (var certificate in all)
        {
            var (alone, held) = Make([certificate], id);
            succession.Add(alone, held[0], certificate);
        }

        foreach (var (set, certificates) in sets)
        {
            succession.Add(set, [.. certificates.Select(certificate => Array.IndexOf(all, certificate))]);
        }

        return succession;
    }

    private (SslContextHandle Context, List<nint> Held) Make(IReadOnlyList<CertificateConfig> certificates, byte[] id)
    {
        var context = Create(isServer: true, Config.Parameters, Config.PreferClientCiphers);
        var held = new List<nint>();
        foreach (var certificate in certificates)
        {
            held.Add(context.Use(certificate));
            Staples.Add(held[^1], certificate);
        }

        fixed (byte* start = id)
        {
            _ = LibSsl.ContextSetSessionIdContext(context.Value, start, (uint)id.Length);
        }

        _ = LibSsl.ContextSetTimeout(context.Value, (nint)Config.SessionTimeout.TotalSeconds);

        // One ticket is enough for a client that keeps its connection; each further one is a record more in every handshake.
        _ = LibSsl.ContextSetTicketCount(context.Value, Config.DisableStatelessResumption ? 0u : 1u);
        _ = LibSsl.ContextSetTicketKeyCallback(context.Value, &OnTicketKey);
        _ = LibSsl.ContextSetOptions(context.Value, Config.DisableStatelessResumption ? LibSsl.OptionNoTicket : 0);
        context.Control(LibSsl.ControlSessionCacheSize, MaxKeptSessions);
        context.Control(LibSsl.ControlSessionCacheMode, Config.DisableStatefulResumption ? LibSsl.SessionCacheOff : LibSsl.SessionCacheServer);
        _ = LibSsl.ContextCallbackControl(context.Value, LibSsl.ControlServerNameCallback, (delegate* unmanaged[Cdecl]<nint, int*, nint, int>)&OnServerName);
        OcspStaples.Install(context);
        if (Alpn.Length > 0)
        {
            LibSsl.ContextSetAlpnSelectCallback(context.Value, &OnAlpn, 0);
        }

        Verifier?.Install(context, Config.RequireClientCertificate);
        return (context, held);
    }

    /// <summary>What a session was made under must be what it is resumed under, apart from our own certificates: they may be renewed meanwhile.</summary>
    private static byte[] SessionIdOf(DownstreamTlsConfig config, string scope) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{scope}\n{config.RequireClientCertificate}\n{PeerVerifier.Fingerprint(config.Validation)}"));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnServerName(nint ssl, int* alert, nint argument)
    {
        var context = (ServerTlsContext)TlsSocket.Of(ssl).Context;
        var name = LibSsl.GetServerName(ssl, 0);
        var asked = name == null ? default : MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        var chosen = context._byName.Find(asked);
        if (context._succession is { } succession)
        {
            chosen = succession.Choose(ssl, asked, chosen);
        }

        if (chosen != context._byName.Default)
        {
            _ = LibSsl.SetContext(ssl, chosen.Value);
        }

        return LibSsl.ExtensionOk;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnAlpn(nint ssl, byte** selected, byte* selectedLength, byte* offered, uint offeredLength, nint argument)
    {
        var ours = ((ServerTlsContext)TlsSocket.Of(ssl).Context).Alpn;
        var index = AlpnList.Select(ours, new ReadOnlySpan<byte>(offered, (int)offeredLength));
        if (index < 0)
        {
            return LibSsl.ExtensionNoAcknowledge;
        }

        // Points into what the client offered: the library copies it before that goes.
        *selectedLength = offered[index];
        *selected = offered + index + 1;
        return LibSsl.ExtensionOk;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnTicketKey(nint ssl, byte* name, byte* iv, nint cipher, nint mac, int encrypts)
    {
        var answer = ((ServerTlsContext)TlsSocket.Of(ssl).Context).Tickets.Apply(name, iv, cipher, mac, encrypts != 0);

        // A client of TLS 1.3 uses a ticket once (RFC 8446 appendix C.4): without another its next connection would be a full handshake.
        return answer == TicketKeys.Taken && encrypts == 0 && LibSsl.VersionNumber(ssl) == LibSsl.Tls13 ? TicketKeys.TakenAndRenewed : answer;
    }
}

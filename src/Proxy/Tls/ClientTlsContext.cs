using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>TLS towards endpoints.</summary>
internal sealed unsafe class ClientTlsContext : TlsContext
{
    /// <summary>What is read at once: several records of a large body.</summary>
    private const nuint ReadBuffer = 32 * 1024;

    private readonly SslContextHandle _context;

    /// <summary>Makes a context.</summary>
    /// <exception cref="TlsException">The library refuses something; it says what.</exception>
    public ClientTlsContext(UpstreamTlsConfig config)
    {
        Config = config;
        _context = Create(isServer: false, config.Parameters);
        LibSsl.ContextSetReadBufferLength(_context.Value, ReadBuffer);
        if (config.Certificate is { } certificate)
        {
            _context.Use(certificate);
        }

        if (config.AlpnProtocols.Count > 0)
        {
            var alpn = AlpnList.Encode(config.AlpnProtocols);
            fixed (byte* start = alpn)
            {
                // Unlike everything else, 0 is success here.
                SslContextHandle.Check(LibSsl.ContextSetAlpnProtocols(_context.Value, start, (uint)alpn.Length) == 0 ? 1 : 0, "offer the protocols of alpn_protocols");
            }
        }

        if (config.MaxSessionKeys > 0)
        {
            _context.Control(LibSsl.ControlSessionCacheMode, LibSsl.SessionCacheClient | LibSsl.SessionCacheNoInternal);
            LibSsl.ContextSetNewSessionCallback(_context.Value, &OnNewSession);
        }

        Verifier = config.Validation is { } validation ? new PeerVerifier(validation) : null;
        Verifier?.Install(_context, isRequired: true);
    }

    public UpstreamTlsConfig Config { get; }

    /// <inheritdoc/>
    public override TlsParameters Parameters => Config.Parameters;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OfferedProtocols => Config.AlpnProtocols;

    /// <inheritdoc/>
    public override bool IsServer => false;

    /// <inheritdoc/>
    protected override SslContextHandle Main => _context;

    /// <summary>Has a session ask for a server name.</summary>
    public static void AskFor(nint ssl, string serverName)
    {
        fixed (byte* name = Encoding.ASCII.GetBytes(serverName + '\0'))
        {
            SslContextHandle.Check((int)LibSsl.Control(ssl, LibSsl.ControlHostName, 0, name), $"ask for the server name {serverName}");
        }
    }

    /// <summary>Has a session offer protocols in place of the context's own.</summary>
    /// <param name="ssl">The session, before its handshake.</param>
    /// <param name="protocols">As <see cref="AlpnList.Encode"/> writes them.</param>
    public static void Offer(nint ssl, ReadOnlySpan<byte> protocols)
    {
        fixed (byte* start = protocols)
        {
            // Unlike everything else, 0 is success here.
            SslContextHandle.Check(LibSsl.SetAlpnProtocols(ssl, start, (uint)protocols.Length) == 0 ? 1 : 0, "offer protocols by ALPN");
        }
    }

    /// <summary>The server gave us a ticket, at the end of the handshake or later. 1 says that we keep it.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnNewSession(nint ssl, nint session)
    {
        var socket = TlsSocket.Of(ssl);
        if (socket.Sessions is not { } sessions)
        {
            return 0;
        }

        sessions.Keep(socket, session);
        return 1;
    }
}

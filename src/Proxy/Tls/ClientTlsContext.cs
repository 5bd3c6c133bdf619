using System.Text;
using KubeProxyNet.Proxy.Tls.OpenSsl;
using KubeProxyNet.Proxy.Tls.Peers;
using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Tls;

/// <summary>TLS towards endpoints.</summary>
internal sealed unsafe class ClientTlsContext : TlsContext
{
    private readonly SslContextHandle _context;

    /// <summary>Makes a context.</summary>
    /// <exception cref="TlsException">The library refuses something; it says what.</exception>
    public ClientTlsContext(UpstreamTlsConfig config)
    {
        Config = config;
        _context = Create(isServer: false, config.Parameters);
        if (config.Certificate is { } certificate)
        {
            _context.Use(certificate);
        }

        var alpn = AlpnList.Encode(config.AlpnProtocols);
        if (alpn.Length > 0)
        {
            fixed (byte* start = alpn)
            {
                // Unlike everything else, 0 is success here.
                _ = LibSsl.ContextSetAlpnProtocols(_context.Value, start, (uint)alpn.Length);
            }
        }

        Verifier = config.Validation is { } validation ? new PeerVerifier(validation) : null;
        Verifier?.Install(_context, isRequired: true);
    }

    public UpstreamTlsConfig Config { get; }

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
}

using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Tls;
using KubeProxyNet.Proxy.Tls.Forensics;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>TLS to the endpoints of a cluster that share a transport socket: what new connections use. Replaced when a secret changes.</summary>
/// <param name="Context">Settings of our side; null while a secret has not come, and connections fail.</param>
/// <param name="Stats">The cluster's counters of TLS.</param>
/// <param name="Failures">Told of handshakes that fail; null for nobody.</param>
internal sealed record UpstreamTls(ClientTlsContext? Context, TlsStats Stats, HandshakeLog? Failures)
{
    /// <summary>Counts connections that fail because a secret has not come.</summary>
    public required Counter SecretsNotReady { get; init; }

    /// <summary>Puts TLS on a connection to an endpoint, before the handshake. Null while a secret has not come, which is counted.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="requestedName">The host name that the connection is for; null for any.</param>
    /// <param name="sessions">Sessions that may be continued; null to begin anew.</param>
    /// <param name="fallbackProtocols">What is offered by ALPN where the transport socket names nothing, as <see cref="AlpnList"/> writes it; null for nothing.</param>
    public TlsSocket? Secure(Connection connection, EndpointState endpoint, string? requestedName, ClientSessions? sessions, byte[]? fallbackProtocols = null)
    {
        if (Context is not { } context)
        {
            connection.Worker.Stats.Increment(SecretsNotReady);
            return null;
        }

        var (config, cluster) = (context.Config, endpoint.Cluster.Config);
        var name = cluster.AutoSni && requestedName is not null && IsAskable(requestedName) ? requestedName
            : config.AutoHostSni && IsAskable(endpoint.Hostname) ? endpoint.Hostname
            : config.Sni;
        var socket = new TlsSocket(connection, context)
        {
            AskedServerName = name.Length > 0 ? name : null,
            DemandedHost = cluster.AutoSanValidation && requestedName is not null ? requestedName
                : config.AutoSniSanValidation && name.Length > 0 ? name
                : null,
            Sessions = sessions,
            FallbackProtocols = fallbackProtocols ?? [],
        };
        sessions?.Continue(socket);
        return socket;
    }

    /// <summary>Tells the log why a handshake failed.</summary>
    /// <param name="socket">Where it failed.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="address">Where the connection led.</param>
    /// <param name="reason">Why, where the library does not know; empty otherwise.</param>
    public void Report(TlsSocket socket, EndpointState endpoint, SocketEndpoint address, string reason) =>
        Failures?.Report(() => HandshakeDiagnosis.Of(socket, $"cluster \"{endpoint.Cluster.Config.Name}\"", address.ToString(), reason));

    /// <summary>A name that a ClientHello may ask for: no address (RFC 6066 section 3), and no longer than a host name may be.</summary>
    private static bool IsAskable(string name) => name.Length is > 0 and <= 255 && !System.Net.IPAddress.TryParse(name, out _);
}

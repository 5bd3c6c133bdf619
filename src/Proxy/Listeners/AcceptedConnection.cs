using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>A client connection and what was found out about it before the filter chain that it is handed to was chosen.</summary>
internal sealed record AcceptedConnection
{
    /// <summary>The connection, at the first byte that the client sent.</summary>
    public required Connection Connection { get; init; }

    /// <summary>The client.</summary>
    public required SocketEndpoint Remote { get; init; }

    /// <summary>Our end of it; the listener's address where that was not asked for.</summary>
    public required SocketEndpoint Local { get; init; }

    /// <summary>Number of the connection, unique in this process.</summary>
    public required long Id { get; init; }

    /// <summary>When it was accepted, on the worker's clock in milliseconds.</summary>
    public required long AcceptedMs { get; init; }

    /// <summary>Its place under the limits on connections.</summary>
    public required ConnectionPlace Place { get; init; }

    /// <summary>The name that the client asked for by TLS, in lower case; empty for none or where nobody looked.</summary>
    public byte[] RequestedServerName { get; init; } = [];

    /// <summary>Keeps requests to the names of the filter chain; null where there is nothing to keep apart.</summary>
    public AuthorityGuard? Authorities { get; init; }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>What is known of a connection when its filter chain is chosen.</summary>
internal readonly ref struct ConnectionFacts
{
    /// <summary>Where the client connected to.</summary>
    public required SocketEndpoint Destination { get; init; }

    /// <summary>The client.</summary>
    public required SocketEndpoint Source { get; init; }

    /// <summary>The name that a TLS client asks for, in lower case; empty for none or where nobody looked.</summary>
    public ReadOnlySpan<byte> ServerName { get; init; }

    /// <summary><c>tls</c> where a listener filter found it; empty otherwise, which is <c>raw_buffer</c>.</summary>
    public ReadOnlySpan<byte> TransportProtocol { get; init; }

    /// <summary>What the client offers, in its order: names with a byte of length before each (RFC 7301 §3.1); empty for nothing.</summary>
    public ReadOnlySpan<byte> ApplicationProtocols { get; init; }

    /// <summary>True where the client is on this machine: it has a loopback address, the one that it connected to, or a Unix domain socket.</summary>
    public bool IsLocal => System.Net.IPAddress.IsLoopback(Source.Address) || Source.Path is not null || Source.Value == Destination.Value;
}

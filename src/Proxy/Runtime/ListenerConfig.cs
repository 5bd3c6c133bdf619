using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>A listener: an address and what serves its connections. A record whose equality decides whether the sockets stay open.</summary>
public sealed record ListenerConfig
{
    /// <summary>Name, unique in a snapshot.</summary>
    public required string Name { get; init; }

    /// <summary>Address and port to bind; port 0 takes a free one.</summary>
    public required SocketEndpoint Address { get; init; }

    /// <summary>True for an IPv6 address that takes IPv4 connections as well; false by default, as in Envoy.</summary>
    public bool IsIpv4Compatible { get; init; }

    /// <summary>Name in statistics; empty for the address with ':' replaced by '_'.</summary>
    public string StatPrefix { get; init; } = "";

    /// <summary>What serves the connections.</summary>
    public required HttpConnectionManagerConfig Http { get; init; }
}

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

    /// <summary>Most connections at a time, over all workers; 0 (the default) for no limit. Envoy's <c>connection_limit</c> filter.</summary>
    public int MaxConnections { get; init; }

    /// <summary>Name in the statistics of <see cref="MaxConnections"/>: <c>connection_limit.NAME.</c>; empty where there is no limit.</summary>
    public string ConnectionLimitStatPrefix { get; init; } = "";

    /// <summary>True to leave the listener's connections out of the limit on all of them: for one that must answer whatever happens.</summary>
    public bool IgnoresGlobalConnectionLimit { get; init; }

    /// <summary>What serves the connections.</summary>
    public required HttpConnectionManagerConfig Http { get; init; }
}

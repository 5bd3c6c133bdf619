using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Overload;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>What a filter chain keeps besides its settings, for one worker. One of <see cref="Http"/> and <see cref="TcpProxy"/> is there.</summary>
internal sealed record FilterChainState(FilterChainConfig Config)
{
    /// <summary>Serves the connections as HTTP.</summary>
    public HttpConnectionManagerState? Http { get; init; }

    /// <summary>Passes the connections on as bytes.</summary>
    public TcpProxyState? TcpProxy { get; init; }

    /// <summary>TLS with clients; null for plain text.</summary>
    public DownstreamTls? Tls { get; init; }

    /// <summary>Counts the chain's connections against its own limit, over all workers.</summary>
    public required DownstreamConnectionLimit Connections { get; init; }

    /// <summary>Counts connections beyond that limit; null where there is none.</summary>
    public Counter? LimitedConnections { get; init; }
}

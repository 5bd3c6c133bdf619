using KubeProxyNet.Proxy.Tls.Settings;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>What serves the connections that it is chosen for: a transport and one network filter. Names and defaults are Envoy's.</summary>
public sealed record FilterChainConfig
{
    /// <summary>Name for logs; may be empty.</summary>
    public string Name { get; init; } = "";

    /// <summary>The connections that it is for; all by default. Without meaning for a listener's default filter chain.</summary>
    public FilterChainMatch Match { get; init; } = FilterChainMatch.Any;

    /// <summary>TLS towards the client; null for plain text.</summary>
    public DownstreamTlsConfig? Tls { get; init; }

    /// <summary>Longest time for the transport's handshake; zero (the default) for no limit.</summary>
    public TimeSpan TransportSocketConnectTimeout { get; init; }

    /// <summary>Most connections at a time, over all workers; 0 (the default) for no limit. Envoy's <c>connection_limit</c> filter.</summary>
    public int MaxConnections { get; init; }

    /// <summary>Name in the statistics of <see cref="MaxConnections"/>: <c>connection_limit.NAME.</c>; empty where there is no limit.</summary>
    public string ConnectionLimitStatPrefix { get; init; } = "";

    /// <summary>Serves the connections as HTTP; null where <see cref="TcpProxy"/> serves them.</summary>
    public HttpConnectionManagerConfig? Http { get; init; }

    /// <summary>Passes the connections on as bytes; null where <see cref="Http"/> serves them.</summary>
    public TcpProxyConfig? TcpProxy { get; init; }
}

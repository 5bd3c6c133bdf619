using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>Settings of a filter that passes connections on as bytes. Names, units and defaults are those of Envoy's <c>tcp_proxy</c>.</summary>
public sealed record TcpProxyConfig
{
    /// <summary>Prefix of statistics: <c>tcp.PREFIX.</c></summary>
    public required string StatPrefix { get; init; }

    /// <summary>Where connections go; each to one of them, as often as its weight says.</summary>
    public required ImmutableArray<TcpClusterConfig> Clusters { get; init; }

    /// <summary>Longest time without a byte in either direction; 1 h by default, zero for none.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many endpoints are tried, one after the other; 1 by default.</summary>
    public int MaxConnectAttempts { get; init; } = 1;

    /// <summary>Longest life of a connection; zero (the default) for no limit.</summary>
    public TimeSpan MaxDownstreamConnectionDuration { get; init; }

    /// <summary>True to choose endpoints by the hash of the client's address, where the cluster's balancer goes by one (<c>hash_policy</c>); by default there is none.</summary>
    public bool HashesSourceIp { get; init; }

    /// <summary>Name of the filter chain that holds the filter, for the log; may be empty.</summary>
    public string FilterChainName { get; init; } = "";

    /// <summary>Where and how connections are logged.</summary>
    public ImmutableArray<AccessLogConfig> AccessLogs { get; init; } = [];
}

/// <summary>One cluster that connections go to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Weight">Its share among the others, at least 1.</param>
/// <param name="MetadataMatch">What endpoints must have where the cluster is divided into subsets; null for nothing.</param>
public sealed record TcpClusterConfig(string Name, uint Weight = 1, MetadataMatch? MetadataMatch = null);

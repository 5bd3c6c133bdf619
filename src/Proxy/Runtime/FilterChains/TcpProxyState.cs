using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Overload;

namespace KubeProxyNet.Proxy.Runtime.FilterChains;

/// <summary>What a TCP proxy filter keeps besides its settings: where it counts and where it logs, for one worker.</summary>
internal sealed record TcpProxyState(TcpProxyConfig Config, TcpProxyStats Stats, ListenerStats ListenerStats, ImmutableArray<AccessLogSink> AccessLogs)
{
    /// <summary>The filter chain's name in UTF-8.</summary>
    public byte[] FilterChainName { get; } = Encoding.UTF8.GetBytes(Config.FilterChainName);

    /// <summary>Counts the filter chain's connections against its own limit, over all workers.</summary>
    public DownstreamConnectionLimit Connections { get; init; } = new();

    /// <summary>Sum of the weights of the clusters.</summary>
    public ulong TotalWeight { get; } = Config.Clusters.Aggregate(0UL, static (sum, cluster) => sum + cluster.Weight);

    // Whole milliseconds; 0 for none.
    public long IdleMs { get; } = (long)Config.IdleTimeout.TotalMilliseconds;

    public long MaxDurationMs { get; } = (long)Config.MaxDownstreamConnectionDuration.TotalMilliseconds;
}

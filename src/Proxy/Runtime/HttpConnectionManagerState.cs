using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Overload;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Proxy.Runtime.LogFilters;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What an HTTP connection manager keeps besides its settings: where it counts and where it logs, for one worker.</summary>
internal sealed record HttpConnectionManagerState(HttpConnectionManagerConfig Config, HttpStats Stats, ListenerStats ListenerStats, ImmutableArray<AccessLogSink> AccessLogs)
{
    /// <summary>The Server header in ASCII.</summary>
    public byte[] ServerName { get; } = Encoding.ASCII.GetBytes(Config.ServerName);

    /// <summary>The filter chain's name in UTF-8.</summary>
    public byte[] FilterChainName { get; } = Encoding.UTF8.GetBytes(Config.FilterChainName);

    /// <summary>What the access logs read of an exchange.</summary>
    public AccessLogNeeds LogNeeds { get; } =
        AccessLogs.Aggregate(AccessLogNeeds.None, static (needs, log) => needs | log.Format.Needs | (log.Filter?.Needs ?? AccessLogNeeds.None));

    /// <summary>What is added to Via; empty for nothing.</summary>
    public byte[] Via { get; } = Encoding.ASCII.GetBytes(Config.Via);

    /// <summary>What the path goes through; null where it stays as it comes.</summary>
    public PathNormalizer? Paths { get; } = Config is { NormalizePath: false, MergeSlashes: false, PathWithEscapedSlashes: EscapedSlashesAction.KeepUnchanged }
        ? null
        : new PathNormalizer(Config.PathWithEscapedSlashes, Config.NormalizePath, Config.MergeSlashes);

    /// <summary>What Host goes through; null where it stays as it comes.</summary>
    public HostNormalizer? Hosts { get; } = Config is { StripHostPort: StripPortMode.None, StripTrailingHostDot: false }
        ? null
        : new HostNormalizer(Config.StripHostPort, Config.StripTrailingHostDot);

    /// <summary>How the client is found where the peer is not taken for it.</summary>
    public OriginalIpDetection[] Detections { get; } = Config.OriginalIpDetections.IsEmpty
        ? [new XffDetection { TrustedHops = Config.XffNumTrustedHops }]
        : [.. Config.OriginalIpDetections];

    /// <summary>The upgrades served where a route says nothing else.</summary>
    public UpgradeTable Upgrades { get; } = new(Config.Upgrades);

    /// <summary>
    /// True where clients are held to minimum rates: at the edge, which is where the connection's address is the client's. Behind it, a
    /// proxy of ours or of others has buffered them already.
    /// </summary>
    public bool GuardsRates { get; } = Config.UseRemoteAddress;

    /// <summary>Counts the filter chain's connections against its own limit, over all workers.</summary>
    public DownstreamConnectionLimit Connections { get; init; } = new();

    /// <summary>The counters of each filter, in their order; null for one that has none.</summary>
    public SessionStats?[] SessionStats { get; init; } = [];

    // The times of every request, as whole milliseconds; 0 for none.
    public long StreamIdleMs { get; } = (long)Config.StreamIdleTimeout.TotalMilliseconds;

    public long RequestTimeoutMs { get; } = (long)Config.RequestTimeout.TotalMilliseconds;

    public long MaxStreamDurationMs { get; } = (long)Config.MaxStreamDuration.TotalMilliseconds;

    public long RequestHeadersTimeoutMs { get; } = (long)Config.RequestHeadersTimeout.TotalMilliseconds;

    public long IdleMs { get; } = (long)Config.IdleTimeout.TotalMilliseconds;

    public long MaxConnectionDurationMs { get; } = (long)Config.MaxConnectionDuration.TotalMilliseconds;
}

/// <summary>One access log as a worker writes it.</summary>
internal sealed record AccessLogSink(AccessLogChannel Channel, AccessLogFormat Format, AccessLogFilter? Filter)
{
    public void Write(IAccessLogSource exchange, RequestHead request)
    {
        if (Filter is null || Filter.Records(exchange, request))
        {
            Channel.Log(Format, exchange);
        }
    }
}

using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What an HTTP connection manager keeps besides its settings: where it counts and where it logs, for one worker.</summary>
internal sealed record HttpConnectionManagerState(HttpConnectionManagerConfig Config, HttpStats Stats, ListenerStats ListenerStats, IReadOnlyList<AccessLogSink> AccessLogs)
{
    /// <summary>The Server header in ASCII.</summary>
    public byte[] ServerName { get; } = System.Text.Encoding.ASCII.GetBytes(Config.ServerName);

    /// <summary>The upgrades served where a route says nothing else.</summary>
    public UpgradeTable Upgrades { get; } = new(Config.Upgrades);

    // The times of every request, as whole milliseconds; 0 for none.
    public long StreamIdleMs { get; } = (long)Config.StreamIdleTimeout.TotalMilliseconds;

    public long RequestTimeoutMs { get; } = (long)Config.RequestTimeout.TotalMilliseconds;

    public long MaxStreamDurationMs { get; } = (long)Config.MaxStreamDuration.TotalMilliseconds;

    public long RequestHeadersTimeoutMs { get; } = (long)Config.RequestHeadersTimeout.TotalMilliseconds;

    public long IdleMs { get; } = (long)Config.IdleTimeout.TotalMilliseconds;

    public long MaxConnectionDurationMs { get; } = (long)Config.MaxConnectionDuration.TotalMilliseconds;
}

/// <summary>One access log as a worker writes it.</summary>
internal sealed record AccessLogSink(AccessLogChannel Channel, AccessLogFormat Format)
{
    public void Write(IAccessLogSource source) => Channel.Log(Format, source);
}

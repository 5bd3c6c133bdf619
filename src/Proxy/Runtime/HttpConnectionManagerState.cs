using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What an HTTP connection manager keeps besides its settings: where it counts and where it logs, for one worker.</summary>
internal sealed record HttpConnectionManagerState(HttpConnectionManagerConfig Config, HttpStats Stats, ListenerStats ListenerStats, IReadOnlyList<AccessLogSink> AccessLogs)
{
    /// <summary>The Server header in ASCII.</summary>
    public byte[] ServerName { get; } = System.Text.Encoding.ASCII.GetBytes(Config.ServerName);
}

/// <summary>One access log as a worker writes it.</summary>
internal sealed record AccessLogSink(AccessLogChannel Channel, AccessLogFormat Format)
{
    public void Write(IAccessLogSource source) => Channel.Log(Format, source);
}

using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Observability.Stats;

namespace KubeProxyNet.Proxy.Runtime;

/// <summary>What an HTTP connection manager keeps besides its settings: where it counts and where it logs, for one worker.</summary>
internal sealed record HttpConnectionManagerState(HttpConnectionManagerConfig Config, HttpStats Stats, ListenerStats ListenerStats, IReadOnlyList<IAccessLog> AccessLogs)
{
    /// <summary>The Server header in ASCII.</summary>
    public byte[] ServerName { get; } = System.Text.Encoding.ASCII.GetBytes(Config.ServerName);
}

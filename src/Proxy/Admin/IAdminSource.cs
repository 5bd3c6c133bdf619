using System.Net;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>What the admin page shows of the running proxy. Called on pool threads, possibly several at once; must not block a worker.</summary>
public interface IAdminSource
{
    /// <summary>Version of the program, for example <c>0.1.0</c>.</summary>
    string Version { get; }

    /// <summary>Whether traffic is served.</summary>
    ServerState State { get; }

    /// <summary>Since the start of the process.</summary>
    TimeSpan Uptime { get; }

    /// <summary>The node as announced to the control plane (<c>envoy.config.core.v3.Node</c>); null where there is none.</summary>
    IMessage? Node { get; }

    /// <summary>The options that the process was started with, under the names of Envoy's <c>CommandLineOptions</c> (<c>concurrency</c>,
    /// <c>config_path</c> …). Values that are secret do not belong here.</summary>
    IReadOnlyList<KeyValuePair<string, string>> CommandLineOptions { get; }

    /// <summary>The messages that may stand in an <c>Any</c> of the configuration.</summary>
    TypeRegistry TypeRegistry { get; }

    /// <summary>All clusters with their endpoints, in the order to show.</summary>
    IReadOnlyList<ClusterView> GetClusters();

    /// <summary>All listeners that are bound, in the order to show.</summary>
    IReadOnlyList<ListenerView> GetListeners();

    /// <summary>The certificates of the TLS contexts in use, one element each.</summary>
    IReadOnlyList<ContextCertificates> GetCertificates();

    /// <summary>The configuration in use.</summary>
    ConfigDump GetConfigDump();

    /// <summary>The runtime in force.</summary>
    RuntimeValues RuntimeValues { get; }

    /// <summary>Why a request goes where it goes.</summary>
    Explanation Explain(ExplainRequest request);
}

/// <summary>What the admin page can do to the running proxy. Every call returns at once; the work happens elsewhere.</summary>
public interface IAdminActions
{
    /// <summary>Stops accepting connections.</summary>
    /// <param name="graceful">True lets running requests end within the drain time; false closes listeners now.</param>
    void DrainListeners(bool graceful);

    /// <summary>Ends the process as SIGTERM does.</summary>
    void Quit();

    /// <summary>Makes <see cref="IAdminSource.State"/> <see cref="ServerState.Draining"/> (true) or live again (false), so that load balancers turn away.</summary>
    void FailHealthCheck(bool fail);

    /// <summary>Sets values of the runtime's admin layer, and takes back those that are empty.</summary>
    /// <returns>What keeps it from being done; null where it is done.</returns>
    string? ModifyRuntime(IReadOnlyCollection<KeyValuePair<string, string>> changes);

    /// <summary>Opens log files anew, after a rotation.</summary>
    void ReopenLogs();
}

/// <summary>Envoy's <c>admin.v3.ServerInfo.State</c>.</summary>
public enum ServerState
{
    /// <summary>Serves traffic.</summary>
    Live,

    /// <summary>Draining, or told to fail health checks.</summary>
    Draining,

    /// <summary>Clusters are not yet warm.</summary>
    PreInitializing,

    /// <summary>Listeners wait for routes and secrets.</summary>
    Initializing,
}

/// <summary>A listener as bound.</summary>
/// <param name="Name">Of the configuration.</param>
/// <param name="LocalAddress">With the real port, where the configuration says 0.</param>
public sealed record ListenerView(string Name, EndPoint LocalAddress);

using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Xds;

namespace KubeProxyNet.Proxy.Admin;

/// <summary>What the admin page shows, read from the running proxy at the moment of the question.</summary>
internal sealed class AdminSource(ProxyEngine engine, ConfigurationState state, ProxyOptions options, Node node, Task ready, TimeProvider time) : IAdminSource
{
    private readonly long _started = time.GetTimestamp();
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    public string Version => ProxyVersion.Text;

    public ServerState State => engine.IsDraining || engine.IsHealthCheckFailed ? ServerState.Draining
        : ready.IsCompleted ? ServerState.Live
        : ServerState.Initializing;

    public TimeSpan Uptime => time.GetElapsedTime(_started);

    public IMessage Node => node;

    public IReadOnlyList<KeyValuePair<string, string>> CommandLineOptions =>
    [
        new("concurrency", engine.Concurrency.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        new("config_path", options.ConfigPath),
        new("service_node", node.Id),
        new("service_cluster", node.Cluster),
        new("admin_address_path", options.AdminAddressPath ?? ""),
        new("drain_time", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{options.DrainTime.TotalSeconds}s")),
    ];

    public TypeRegistry TypeRegistry => XdsTypes.Registry;

    public IReadOnlyList<ClusterView> GetClusters()
    {
        var added = state.Accepted().Clusters.Where(static cluster => !cluster.IsStatic).Select(static cluster => cluster.Name).ToHashSet(StringComparer.Ordinal);
        return EngineViews.ClustersOf(engine, added.Contains);
    }

    public IReadOnlyList<ListenerView> GetListeners() => EngineViews.ListenersOf(engine);

    public ConfigDump GetConfigDump()
    {
        var accepted = state.Accepted();
        return new ConfigDump
        {
            Bootstrap = new DumpedResource("bootstrap", options.Bootstrap, _startedAt),
            Listeners = Dump(accepted.Listeners),
            Clusters = Dump(accepted.Clusters),
            Routes = Dump(accepted.Routes),
            Endpoints = Dump(accepted.Endpoints),
            Secrets = [.. state.Secrets().Select(static secret => new DumpedResource(
                secret.Name, secret.Message, secret.Updated, secret.IsStatic ? null : secret.Version,
                secret.Refused is { } refused ? new RejectedUpdate(refused.Details, refused.Version, refused.At) : null))],
        };
    }

    public IReadOnlyList<ContextCertificates> GetCertificates() => state.Certificates();

    public RuntimeValues RuntimeValues => engine.Snapshot.RuntimeValues;

    public Explanation Explain(ExplainRequest request) => Explainer.Explain(engine.Snapshot, request);

    private static DumpedResource[] Dump(AcceptedResource[] resources) => Array.ConvertAll(
        resources,
        static resource => new DumpedResource(resource.Name, resource.Message, resource.LastUpdated, resource.IsStatic ? null : resource.Version));
}

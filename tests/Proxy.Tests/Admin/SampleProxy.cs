using System.Collections.Concurrent;
using System.Net;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KubeProxyNet.Proxy.Admin;
using KubeProxyNet.Proxy.Config.Tls;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Xds;

namespace KubeProxyNet.Proxy.Tests.Admin;

/// <summary>A proxy's facts, as input of the admin page, and the list of what it was asked to do.</summary>
internal sealed class SampleProxy : IAdminSource, IAdminActions
{
    public string Version => "1.2.3";

    public ServerState State { get; set; } = ServerState.Live;

    public TimeSpan Uptime => TimeSpan.FromSeconds(75);

    public IMessage? Node { get; set; } = new Node { Id = "n1", Cluster = "edge" };

    public IReadOnlyList<KeyValuePair<string, string>> CommandLineOptions => [new("config_path", "envoy.yaml")];

    public TypeRegistry TypeRegistry => XdsTypes.Registry;

    public List<ClusterView> Clusters { get; } = [];

    public List<ListenerView> Listeners { get; } = [];

    public ConfigDump Dump { get; set; } = new();

    public List<ContextCertificates> Certificates { get; } = [];

    public IReadOnlyList<ContextCertificates> GetCertificates() => Certificates;

    public ConcurrentQueue<string> Asked { get; } = new();

    public IReadOnlyList<ClusterView> GetClusters() => Clusters;

    public IReadOnlyList<ListenerView> GetListeners() => Listeners;

    public ConfigDump GetConfigDump() => Dump;

    public Explanation Explain(ExplainRequest request) => new() { AsMatched = $"{request.Method} {request.Authority}{request.Target}" };

    public void DrainListeners(bool graceful) => Asked.Enqueue(graceful ? "drain gracefully" : "drain");

    public void Quit() => Asked.Enqueue("quit");

    public void FailHealthCheck(bool fail) => State = fail ? ServerState.Draining : ServerState.Live;

    public RuntimeValues RuntimeValues { get; set; } = RuntimeValues.Empty;

    public string? ModifyRuntime(IReadOnlyCollection<KeyValuePair<string, string>> changes)
    {
        Asked.Enqueue("runtime " + string.Join(" ", changes.Select(static change => $"{change.Key}={change.Value}")));
        return changes.Any(static change => change.Key == "refused") ? "no" : null;
    }

    public void ReopenLogs() => Asked.Enqueue("reopen");

    public static IPEndPoint Endpoint(string text) => IPEndPoint.Parse(text);
}

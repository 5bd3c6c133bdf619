using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>What the proxy says of itself to the control plane.</summary>
internal static class NodeIdentity
{
    /// <summary>The bootstrap's node; the command line's id and cluster go over it, as in Envoy.</summary>
    public static Node Of(Bootstrap bootstrap, string? serviceNode, string? serviceCluster)
    {
        var node = bootstrap.Node?.Clone() ?? new Node();
        node.Id = serviceNode ?? (node.Id.Length > 0 ? node.Id : Environment.MachineName);
        node.Cluster = serviceCluster ?? node.Cluster;
        node.UserAgentName = "kpn";
        node.UserAgentVersion = ProxyVersion.Text;
        return node;
    }
}

/// <summary>The version of this program.</summary>
internal static class ProxyVersion
{
    /// <summary>For example <c>0.1.0</c>.</summary>
    public static string Text { get; } = typeof(ProxyVersion).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
}

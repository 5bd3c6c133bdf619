using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing.Actions;

/// <summary>
/// Sends copies of requests to another cluster, whose answers are dropped: Envoy's <c>RouteAction.RequestMirrorPolicy</c>. Exactly one of
/// <see cref="Cluster"/> and <see cref="ClusterHeader"/> is not empty.
/// </summary>
public sealed record RequestMirrorPolicy
{
    /// <summary>Cluster name; empty where <see cref="ClusterHeader"/> is set.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>Request header that names the cluster; without it nothing is mirrored.</summary>
    public string ClusterHeader { get; init; } = "";

    /// <summary>Share of requests that are mirrored; null for all.</summary>
    public RuntimeFraction? Fraction { get; init; }

    /// <summary>True to send the copy with the request's Host; by default <c>-shadow</c> is appended to it.</summary>
    public bool DisablesShadowHostSuffix { get; init; }
}

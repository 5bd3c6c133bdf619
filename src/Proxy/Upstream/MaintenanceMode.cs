using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>
/// The share of a cluster's requests that are answered with 503 at once, as operators say by the runtime. Source: Envoy documentation, "Router: runtime",
/// <c>upstream.maintenance_mode.CLUSTER</c>.
/// </summary>
/// <param name="share">The share, not zero.</param>
internal sealed class MaintenanceMode(RuntimeShare share)
{
    /// <summary>What the key begins with; the cluster's name follows.</summary>
    public const string Prefix = "upstream.maintenance_mode.";

    private static readonly RuntimeShare Nothing = new(0, 100);

    /// <summary>The share.</summary>
    public RuntimeShare Share => share;

    /// <summary>What the runtime says of a cluster; null where it takes all requests, so that those cost no more than a look.</summary>
    public static MaintenanceMode? Of(string cluster, RuntimeValues runtime) =>
        runtime.ShareOf(Prefix + cluster, Nothing) is { Numerator: > 0 } share ? new MaintenanceMode(share) : null;

    /// <summary>Whether a request is among them.</summary>
    /// <param name="random">A number drawn for the request.</param>
    public bool Takes(ulong random) => random % share.Denominator < share.Numerator;
}

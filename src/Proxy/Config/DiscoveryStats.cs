using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Xds;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Counts what discovery delivers under Envoy's names: <c>cluster_manager.cds.</c>, <c>listener_manager.lds.</c> and <c>http.PREFIX.rds.NAME.</c></summary>
internal sealed class DiscoveryStats(StatRegistry registry)
{
    /// <summary>Counts a response.</summary>
    /// <param name="typeUrl">The type of its resources.</param>
    /// <param name="isAccepted">Whether nothing of it was refused.</param>
    public void CountResponse(string typeUrl, bool isAccepted)
    {
        var scope = typeUrl switch
        {
            XdsTypeUrls.Cluster => "cluster_manager.cds.",
            XdsTypeUrls.Listener => "listener_manager.lds.",
            _ => null,
        };
        if (scope is not null)
        {
            Count(scope, isAccepted);
        }
    }

    /// <summary>Counts a route configuration for each connection manager that uses it.</summary>
    public void CountRoutes(string name, IEnumerable<string> statPrefixes, bool isAccepted)
    {
        foreach (var prefix in statPrefixes)
        {
            Count($"http.{prefix}.rds.{name}.", isAccepted);
        }
    }

    private void Count(string scope, bool isAccepted)
    {
        registry.Shared.Increment(registry.Counter(scope + "update_attempt"));
        registry.Shared.Increment(registry.Counter(scope + (isAccepted ? "update_success" : "update_rejected")));
    }
}

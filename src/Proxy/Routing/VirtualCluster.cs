using System.Collections.Immutable;
using System.Text;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.Stats;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Routing;

/// <summary>Requests of a virtual host that are counted by themselves: Envoy's <c>VirtualCluster</c>.</summary>
/// <param name="Name">Name in statistics and logs.</param>
/// <param name="Headers">Conditions, all of which must hold.</param>
public sealed record VirtualCluster(string Name, ImmutableArray<HeaderMatcher> Headers);

/// <summary>The virtual clusters of a virtual host ready for traffic. Immutable but for its counters, which are bound before the first request.</summary>
internal sealed class CompiledVirtualClusters
{
    private readonly CompiledVirtualCluster[] _clusters;
    private readonly CompiledVirtualCluster _other = new("other", []);

    private CompiledVirtualClusters(CompiledVirtualCluster[] clusters) => _clusters = clusters;

    /// <summary>Compiles them; null for none.</summary>
    public static CompiledVirtualClusters? Compile(ImmutableArray<VirtualCluster> clusters, string path, CompilationScope scope)
    {
        if (clusters.IsEmpty)
        {
            return null;
        }

        var compiled = new CompiledVirtualCluster[clusters.Length];
        for (var i = 0; i < compiled.Length; i++)
        {
            var at = $"{path}.virtual_clusters[{i}]";
            if (clusters[i].Name.Length == 0)
            {
                scope.Error($"{at}.name", "a virtual cluster needs a name", "name it");
            }

            if (clusters[i].Headers.IsEmpty)
            {
                scope.Error($"{at}.headers", "a virtual cluster needs a condition", "add a header matcher");
            }

            compiled[i] = new CompiledVirtualCluster(clusters[i].Name, [.. clusters[i].Headers.Select((matcher, j) => new CompiledHeaderMatcher(matcher, $"{at}.headers[{j}]", scope))]);
        }

        return new CompiledVirtualClusters(compiled);
    }

    /// <summary>Gives each its counters.</summary>
    public void BindStats(StatRegistry registry, string virtualHost)
    {
        foreach (var cluster in _clusters.Append(_other))
        {
            cluster.Stats ??= new RouteStats(registry, $"vhost.{virtualHost}.vcluster.{cluster.Name}.");
        }
    }

    /// <summary>The first whose conditions hold; the one named "other" where none do, as in Envoy.</summary>
    public CompiledVirtualCluster Find(RequestHead head)
    {
        foreach (var cluster in _clusters)
        {
            if (cluster.IsMatch(head))
            {
                return cluster;
            }
        }

        return _other;
    }
}

/// <summary>One virtual cluster.</summary>
internal sealed class CompiledVirtualCluster(string name, CompiledHeaderMatcher[] headers)
{
    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>The name in UTF-8, for logs.</summary>
    public byte[] NameText { get; } = Encoding.UTF8.GetBytes(name);

    /// <summary>Its counters; null until a proxy takes the table.</summary>
    public RouteStats? Stats { get; set; }

    /// <summary>True where all conditions hold.</summary>
    public bool IsMatch(RequestHead head)
    {
        foreach (var header in headers)
        {
            if (!header.IsMatch(head))
            {
                return false;
            }
        }

        return true;
    }
}

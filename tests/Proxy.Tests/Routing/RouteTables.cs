using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Short ways to write route tables and to ask them.</summary>
internal static class RouteTables
{
    public static Route Route(PathSpecifier path, string cluster, Func<RouteMatch, RouteMatch>? match = null) => new()
    {
        Name = cluster,
        Match = (match ?? (m => m))(new RouteMatch { Path = path }),
        Action = new ForwardAction { Cluster = new SingleCluster(cluster) },
    };

    public static Route Prefix(string prefix, string cluster) => Route(new PrefixPath(prefix), cluster);

    public static VirtualHost Host(string name, string[] domains, params Route[] routes) => new()
    {
        Name = name,
        Domains = [.. domains],
        Routes = [.. routes],
    };

    /// <summary>A table whose regular expressions are RE2's, as in the product.</summary>
    public static RouteTable Compile(RouteConfiguration configuration) => RouteTable.Compile(configuration, Re2Syntax.Read);

    public static RouteTable Of(params VirtualHost[] hosts) => Compile(new RouteConfiguration { VirtualHosts = [.. hosts] });

    /// <summary>A table with the one virtual host "*".</summary>
    public static RouteTable Of(params Route[] routes) => Of(Host("all", ["*"], routes));

    /// <summary>One virtual host a domain, named after it, with the one route "/".</summary>
    public static RouteTable OfDomains(params string[] domains) => Of([.. domains.Select(domain => Host(domain, [domain], Prefix("/", domain)))]);

    /// <summary>Cluster of the route that a request takes; null for none.</summary>
    public static string? Cluster(this RouteTable table, RequestHead head, ulong random = 0) =>
        table.TryMatch(head, RuntimeValues.Empty, random, out var result) ? result.PickCluster().Name : null;

    /// <summary>Cluster of the route that a path takes.</summary>
    public static string? Cluster(this RouteTable table, string target) => table.Cluster(RequestHeads.Create("GET", target, "host"));

    public static RouteMatchResult Match(this RouteTable table, RequestHead head, ulong random = 0)
    {
        table.TryMatch(head, RuntimeValues.Empty, random, out var result).Should().BeTrue();
        return result;
    }
}

using System.Buffers;
using Envoy.Config.Route.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Rules on route configurations. Source: Envoy's route_components.proto and what its route table refuses.</summary>
internal static class RouteRules
{
    private static readonly SearchValues<char> NoDomainCharacters = SearchValues.Create("/ \t\r\n?#@");

    public static void Check(RouteConfiguration routes, ConfigPath path, ConfigProblems problems)
    {
        var hosts = path.Field("virtual_hosts");
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        var domains = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < routes.VirtualHosts.Count; i++)
        {
            var host = routes.VirtualHosts[i];
            if (host.Name.Length > 0 && !names.TryAdd(host.Name, i))
            {
                problems.Invalid(hosts.Index(i).Field("name"), $"a virtual host \"{host.Name}\" exists already at virtual_hosts[{names[host.Name]}]", "give each virtual host its own name");
            }

            for (var j = 0; j < host.Domains.Count; j++)
            {
                var at = hosts.Index(i).Field("domains").Index(j);
                var domain = host.Domains[j];
                if (DomainFault(domain) is { } fault)
                {
                    problems.Invalid(at, $"\"{domain}\" {fault}", "write HOST, HOST:PORT, *.HOST, HOST.* or *");
                }
                else if (!domains.TryAdd(domain, host.Name))
                {
                    problems.Invalid(at, $"the domain \"{domain}\" is taken already by virtual host \"{domains[domain]}\"", "keep each domain in one virtual host");
                }
            }

            CheckRemovedHeaders(host, hosts.Index(i), problems);
        }

        MatcherRules.CheckRemoved(routes.RequestHeadersToRemove, path.Field("request_headers_to_remove"), problems);
        MatcherRules.CheckRemoved(routes.ResponseHeadersToRemove, path.Field("response_headers_to_remove"), problems);
    }

    public static void Check(WeightedCluster weighted, ConfigPath path, ConfigProblems problems)
    {
        ulong sum = 0;
        for (var i = 0; i < weighted.Clusters.Count; i++)
        {
            var cluster = weighted.Clusters[i];
            sum += cluster.Weight ?? 0;
            if (cluster.Name.Length > 0 == cluster.ClusterHeader.Length > 0)
            {
                problems.Invalid(path.Field("clusters").Index(i), "needs exactly one of name and cluster_header", "set one of the two");
            }
        }

        if (weighted.Clusters.Count > 0 && sum is 0 or > uint.MaxValue)
        {
            problems.Invalid(path.Field("clusters"), $"the sum of the weights is {sum}", $"make it a number from 1 to {uint.MaxValue}");
        }

        if (weighted.TotalWeight is { } total && total != sum)
        {
            problems.Invalid(path.Field("total_weight"), $"is {total}, but the weights add up to {sum}", "leave it out: the sum is used");
        }
    }

    public static void Check(RouteMatch match, ConfigPath path, ConfigProblems problems)
    {
        if (match.PathSpecifierCase == RouteMatch.PathSpecifierOneofCase.PathSeparatedPrefix
            && (match.PathSeparatedPrefix.Length < 2 || match.PathSeparatedPrefix[^1] == '/' || match.PathSeparatedPrefix.AsSpan().IndexOfAny('?', '#') >= 0))
        {
            problems.Invalid(path.Field("path_separated_prefix"), $"\"{match.PathSeparatedPrefix}\" cannot be a prefix by path element", "write a path without a slash at its end, ? and #; use prefix for /");
        }

        var (field, value) = match.PathSpecifierCase switch
        {
            RouteMatch.PathSpecifierOneofCase.Path => ("path", match.Path),
            RouteMatch.PathSpecifierOneofCase.Prefix => ("prefix", match.Prefix),
            _ => (string.Empty, string.Empty),
        };
        if (value.Contains('?', StringComparison.Ordinal) || value.Contains('#', StringComparison.Ordinal))
        {
            problems.Invalid(path.Field(field), $"\"{value}\" can never match: a path ends before ? and #", "match the query with query_parameters");
        }
    }

    public static void Check(RouteAction action, ConfigPath path, ConfigProblems problems)
    {
        if (action.PrefixRewrite.Length > 0 && action.RegexRewrite is not null)
        {
            problems.Invalid(path.Field("regex_rewrite"), "excludes prefix_rewrite, which is set too", "keep one of the two");
        }
    }

    public static void Check(RetryPolicy.Types.RetryBackOff backOff, ConfigPath path, ConfigProblems problems)
    {
        if (backOff.BaseInterval is { } first && backOff.MaxInterval is { } last && Ticks(last) < Ticks(first))
        {
            problems.Invalid(path.Field("max_interval"), "is shorter than base_interval", "make it at least as long");
        }
    }

    /// <summary>Every cluster that a route configuration names, and where.</summary>
    public static IEnumerable<(string Cluster, ConfigPath Path)> ClusterNames(RouteConfiguration routes, ConfigPath path)
    {
        foreach (var name in ClusterNames(routes.RequestMirrorPolicies, path))
        {
            yield return name;
        }

        for (var i = 0; i < routes.VirtualHosts.Count; i++)
        {
            foreach (var name in ClusterNames(routes.VirtualHosts[i].RequestMirrorPolicies, path.Field("virtual_hosts").Index(i)))
            {
                yield return name;
            }

            foreach (var (route, place) in RoutePlaces.Of(routes.VirtualHosts[i], path.Field("virtual_hosts").Index(i)))
            {
                if (route.Route_ is { } action)
                {
                    foreach (var name in ClusterNames(action, place.Field("route")))
                    {
                        yield return name;
                    }
                }
            }
        }
    }

    private static IEnumerable<(string Cluster, ConfigPath Path)> ClusterNames(RouteAction action, ConfigPath path)
    {
        if (action.ClusterSpecifierCase == RouteAction.ClusterSpecifierOneofCase.Cluster)
        {
            yield return (action.Cluster, path.Field("cluster"));
        }

        for (var i = 0; i < (action.WeightedClusters?.Clusters.Count ?? 0); i++)
        {
            if (action.WeightedClusters!.Clusters[i].Name is { Length: > 0 } name)
            {
                yield return (name, path.Field("weighted_clusters").Field("clusters").Index(i).Field("name"));
            }
        }

        foreach (var name in ClusterNames(action.RequestMirrorPolicies, path))
        {
            yield return name;
        }
    }

    private static IEnumerable<(string Cluster, ConfigPath Path)> ClusterNames(RepeatedField<RouteAction.Types.RequestMirrorPolicy> policies, ConfigPath path)
    {
        for (var i = 0; i < policies.Count; i++)
        {
            if (policies[i].Cluster is { Length: > 0 } name)
            {
                yield return (name, path.Field("request_mirror_policies").Index(i).Field("cluster"));
            }
        }
    }

    private static void CheckRemovedHeaders(VirtualHost host, ConfigPath path, ConfigProblems problems)
    {
        MatcherRules.CheckRemoved(host.RequestHeadersToRemove, path.Field("request_headers_to_remove"), problems);
        MatcherRules.CheckRemoved(host.ResponseHeadersToRemove, path.Field("response_headers_to_remove"), problems);
        foreach (var (route, place) in RoutePlaces.Of(host, path))
        {
            MatcherRules.CheckRemoved(route.RequestHeadersToRemove, place.Field("request_headers_to_remove"), problems);
            MatcherRules.CheckRemoved(route.ResponseHeadersToRemove, place.Field("response_headers_to_remove"), problems);
        }
    }

    private static string? DomainFault(string domain)
    {
        if (domain.Length == 0)
        {
            return "is empty";
        }

        if (domain.AsSpan().IndexOfAny(NoDomainCharacters) >= 0)
        {
            return "is not a domain";
        }

        var stars = domain.Count(character => character == '*');
        if (stars == 0 || domain == "*")
        {
            return null;
        }

        return stars > 1 || (domain[0] != '*' && domain[^1] != '*') ? "has a wildcard that is not alone at one end" : null;
    }

    private static decimal Ticks(Duration duration) => (duration.Seconds * 1_000_000_000m) + duration.Nanos;
}

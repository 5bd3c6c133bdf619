using Envoy.Config.Route.V3;
using IPMatcher = global::Xds.Type.Matcher.V3.IPMatcher;
using Matcher = global::Xds.Type.Matcher.V3.Matcher;
using MatchMap = global::Xds.Type.Matcher.V3.Matcher.Types.MatcherTree.Types.MatchMap;
using TypedExtensionConfig = global::Xds.Core.V3.TypedExtensionConfig;

namespace KubeProxyNet.Xds.Validation;

/// <summary>Finds the routes of a virtual host, wherever they stand.</summary>
internal static class RoutePlaces
{
    /// <summary>How deep matchers are followed; deeper ones are refused when they are compiled.</summary>
    private const int MaxDepth = 32;

    /// <summary>The routes of the list and those that the matcher leads to.</summary>
    public static IEnumerable<(Route Route, ConfigPath Path)> Of(VirtualHost host, ConfigPath path) =>
        host.Routes.Select((route, i) => (route, path.Field("routes").Index(i))).Concat(Of(host.Matcher, path.Field("matcher"), MaxDepth));

    private static IEnumerable<(Route Route, ConfigPath Path)> Of(Matcher? matcher, ConfigPath path, int depth)
    {
        if (matcher is null || depth == 0)
        {
            return [];
        }

        var list = path.Field("matcher_list").Field("matchers");
        var tree = path.Field("matcher_tree");
        return (matcher.MatcherList?.Matchers ?? []).SelectMany((entry, i) => Of(entry.OnMatch, list.Index(i).Field("on_match"), depth))
            .Concat(Of(matcher.MatcherTree?.ExactMatchMap, tree.Field("exact_match_map"), depth))
            .Concat(Of(matcher.MatcherTree?.PrefixMatchMap, tree.Field("prefix_match_map"), depth))
            .Concat(Of(matcher.MatcherTree?.CustomMatch, tree.Field("custom_match").Field("typed_config"), depth))
            .Concat(Of(matcher.OnNoMatch, path.Field("on_no_match"), depth));
    }

    private static IEnumerable<(Route Route, ConfigPath Path)> Of(MatchMap? map, ConfigPath path, int depth) =>
        (map?.Map ?? []).SelectMany(entry => Of(entry.Value, path.Field("map").Key(entry.Key), depth));

    private static IEnumerable<(Route Route, ConfigPath Path)> Of(TypedExtensionConfig? custom, ConfigPath path, int depth) =>
        custom?.TypedConfig?.TryUnpack<IPMatcher>(out var addresses) == true
            ? addresses.RangeMatchers.SelectMany((entry, i) => Of(entry.OnMatch, path.Field("range_matchers").Index(i).Field("on_match"), depth))
            : [];

    private static IEnumerable<(Route Route, ConfigPath Path)> Of(Matcher.Types.OnMatch? outcome, ConfigPath path, int depth)
    {
        var action = path.Field("action").Field("typed_config");
        if (outcome?.Action?.TypedConfig is not { } any)
        {
            return Of(outcome?.Matcher, path.Field("matcher"), depth - 1);
        }

        return any.TryUnpack<Route>(out var route) ? [(route, action)]
            : any.TryUnpack<RouteList>(out var routes) ? routes.Routes.Select((one, i) => (one, action.Field("routes").Index(i)))
            : [];
    }
}

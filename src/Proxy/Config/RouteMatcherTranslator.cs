using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Matching.InputMatchers.Ip.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Xds.Validation;
using Action = global::Xds.Core.V3.TypedExtensionConfig;
using IPMatcher = global::Xds.Type.Matcher.V3.IPMatcher;
using Message = global::Xds.Type.Matcher.V3.Matcher;
using Predicate = global::Xds.Type.Matcher.V3.Matcher.Types.MatcherList.Types.Predicate;
using Route = KubeProxyNet.Proxy.Routing.Route;
using StringMatcher = KubeProxyNet.Proxy.Routing.Matching.StringMatcher;
using StringMessage = global::Xds.Type.Matcher.V3.StringMatcher;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the matcher of a virtual host into a record, and the routes that it leads to into a list. Source: Envoy documentation, "Matching API", "HTTP routing".</summary>
internal sealed class RouteMatcherTranslator(TranslationProblems problems)
{
    /// <summary>How deep matchers and conditions may stand in each other: they are asked one inside the other.</summary>
    private const int MaxDepth = 16;

    private readonly ImmutableArray<Route>.Builder _routes = ImmutableArray.CreateBuilder<Route>();
    private readonly ImmutableArray<string>.Builder _places = ImmutableArray.CreateBuilder<string>();

    /// <summary>The routes that the matcher leads to, in the order in which they stand in it.</summary>
    public ImmutableArray<Route> Routes => _routes.ToImmutable();

    /// <summary>Where each of them stands, as seen from the virtual host.</summary>
    public ImmutableArray<string> Places => _places.ToImmutable();

    /// <summary>The matcher.</summary>
    /// <param name="message">The message.</param>
    /// <param name="host">Path of the virtual host.</param>
    public RouteMatcher Translate(Message message, ConfigPath host) => Matcher(message, host, ConfigPath.Root.Field("matcher"), MaxDepth);

    private RouteMatcher Matcher(Message message, ConfigPath host, ConfigPath path, int depth)
    {
        if (depth == 0)
        {
            problems.Add(path.Under(host), $"matchers stand more than {MaxDepth} deep in each other", "use and_matcher, or prefixes that say more");
            return new RouteMatcherList([]);
        }

        var onNoMatch = message.OnNoMatch is null ? null : Outcome(message.OnNoMatch, host, path.Field("on_no_match"), depth);
        switch (message.MatcherTypeCase)
        {
            case Message.MatcherTypeOneofCase.MatcherList:
                var list = path.Field("matcher_list").Field("matchers");
                return new RouteMatcherList([.. message.MatcherList.Matchers.Select((entry, i) => new RouteMatcherEntry(
                    Condition(entry.Predicate ?? new Predicate(), host, list.Index(i).Field("predicate"), MaxDepth),
                    Outcome(entry.OnMatch ?? new Message.Types.OnMatch(), host, list.Index(i).Field("on_match"), depth)))])
                {
                    OnNoMatch = onNoMatch,
                };
            case Message.MatcherTypeOneofCase.MatcherTree when message.MatcherTree.TreeTypeCase == Message.Types.MatcherTree.TreeTypeOneofCase.CustomMatch:
                return Addresses(message.MatcherTree, host, path.Field("matcher_tree"), depth) with { OnNoMatch = onNoMatch };
            case Message.MatcherTypeOneofCase.MatcherTree:
                return Tree(message.MatcherTree, onNoMatch, host, path.Field("matcher_tree"), depth);
            default:
                return new RouteMatcherList([]) { OnNoMatch = onNoMatch };
        }
    }

    private RouteMatcherMap Tree(Message.Types.MatcherTree message, RouteMatcherOutcome? onNoMatch, ConfigPath host, ConfigPath path, int depth)
    {
        var isPrefix = message.TreeTypeCase == Message.Types.MatcherTree.TreeTypeOneofCase.PrefixMatchMap;
        var map = isPrefix ? message.PrefixMatchMap : message.ExactMatchMap;
        if (map is null)
        {
            problems.Add(path.Under(host), "a matcher_tree needs values", "add exact_match_map, prefix_match_map or custom_match");
        }

        var place = path.Field(isPrefix ? "prefix_match_map" : "exact_match_map").Field("map");
        var entries = (map?.Map ?? []).OrderBy(static entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, Outcome(entry.Value, host, place.Key(entry.Key), depth)));
        return new RouteMatcherMap(Input(message.Input, host, path.Field("input")), isPrefix, [.. entries]) { OnNoMatch = onNoMatch };
    }

    private RouteMatcherAddresses Addresses(Message.Types.MatcherTree message, ConfigPath host, ConfigPath path, int depth)
    {
        var input = Input(message.Input, host, path.Field("input"));
        var custom = path.Field("custom_match").Field("typed_config");
        if (message.CustomMatch.TypedConfig?.TryUnpack<IPMatcher>(out var addresses) != true)
        {
            problems.Add(custom.Under(host), "is no matcher of a tree that is known here", "use an xds.type.matcher.v3.IPMatcher");
            return new RouteMatcherAddresses(input, []);
        }

        return new RouteMatcherAddresses(input, [.. addresses!.RangeMatchers.Select((entry, i) => new RouteMatcherAddressEntry(
            [.. entry.Ranges.Select(static range => Range(range.AddressPrefix, range.PrefixLen))],
            Outcome(entry.OnMatch ?? new Message.Types.OnMatch(), host, custom.Field("range_matchers").Index(i).Field("on_match"), depth),
            entry.Exclusive))]);
    }

    private RouteMatcherOutcome Outcome(Message.Types.OnMatch message, ConfigPath host, ConfigPath path, int depth)
    {
        if (message.Matcher is not null)
        {
            return new RouteMatcherOutcome { Matcher = Matcher(message.Matcher, host, path.Field("matcher"), depth - 1), KeepsMatching = message.KeepMatching };
        }

        var first = _routes.Count;
        var action = path.Field("action").Field("typed_config");
        if (message.Action?.TypedConfig?.TryUnpack<Envoy.Config.Route.V3.Route>(out var route) == true)
        {
            Add(route, host, action);
        }
        else if (message.Action?.TypedConfig?.TryUnpack<RouteList>(out var list) == true)
        {
            for (var i = 0; i < list.Routes.Count; i++)
            {
                Add(list.Routes[i], host, action.Field("routes").Index(i));
            }
        }
        else
        {
            problems.Add(action.Under(host), "a match leads to routes", "use an envoy.config.route.v3.Route or RouteList");
        }

        return new RouteMatcherOutcome { FirstRoute = first, RouteCount = _routes.Count - first, KeepsMatching = message.KeepMatching };
    }

    private void Add(Envoy.Config.Route.V3.Route route, ConfigPath host, ConfigPath path)
    {
        _routes.Add(RouteTranslator.Translate(route, problems, path.Under(host)));
        _places.Add(path.ToString());
    }

    private MatchPredicate Condition(Predicate message, ConfigPath host, ConfigPath path, int depth)
    {
        if (depth == 0)
        {
            problems.Add(path.Under(host), $"conditions stand more than {MaxDepth} deep in each other", "join those that need no condition of their own");
            return new AnyPredicate([]);
        }

        switch (message.MatchTypeCase)
        {
            case Predicate.MatchTypeOneofCase.SinglePredicate:
                var single = path.Field("single_predicate");
                var input = Input(message.SinglePredicate.Input, host, single.Field("input"));
                return message.SinglePredicate.CustomMatch is { } custom
                    ? Custom(custom, input, host, single.Field("custom_match").Field("typed_config"))
                    : new InputPredicate(input, Value(message.SinglePredicate.ValueMatch, host, single.Field("value_match")));
            case Predicate.MatchTypeOneofCase.OrMatcher:
                return new AnyPredicate(Parts(message.OrMatcher, host, path.Field("or_matcher"), depth));
            case Predicate.MatchTypeOneofCase.AndMatcher:
                return new AllPredicate(Parts(message.AndMatcher, host, path.Field("and_matcher"), depth));
            case Predicate.MatchTypeOneofCase.NotMatcher:
                return new NotPredicate(Condition(message.NotMatcher, host, path.Field("not_matcher"), depth - 1));
            default:
                problems.Add(path.Under(host), "is no condition", "add one of single_predicate, or_matcher, and_matcher and not_matcher");
                return new AnyPredicate([]);
        }
    }

    private MatchPredicate Custom(Action message, MatchInput input, ConfigPath host, ConfigPath path)
    {
        if (message.TypedConfig?.TryUnpack<Ip>(out var ip) == true)
        {
            return new AddressPredicate(input, [.. ip.CidrRanges.Select(static range => Range(range.AddressPrefix, range.PrefixLen))], ip.StatPrefix);
        }

        problems.Add(path.Under(host), "is no condition that is known here", "use an envoy.extensions.matching.input_matchers.ip.v3.Ip");
        return new AnyPredicate([]);
    }

    private ImmutableArray<MatchPredicate> Parts(Predicate.Types.PredicateList message, ConfigPath host, ConfigPath path, int depth) =>
        [.. message.Predicate.Select((part, i) => Condition(part, host, path.Field("predicate").Index(i), depth - 1))];

    private MatchInput Input(Action? message, ConfigPath host, ConfigPath path)
    {
        if (message?.TypedConfig?.TryUnpack<HttpRequestHeaderMatchInput>(out var header) == true)
        {
            return new HeaderInput(header.HeaderName);
        }

        if (message?.TypedConfig?.TryUnpack<HttpRequestQueryParamMatchInput>(out var query) == true)
        {
            return new QueryParameterInput(query.QueryParam);
        }

        problems.Add(path.Field("typed_config").Under(host), "is no input that is known here", "use an envoy.type.matcher.v3.HttpRequestHeaderMatchInput or HttpRequestQueryParamMatchInput");
        return new HeaderInput(":path");
    }

    private StringMatcher Value(StringMessage? message, ConfigPath host, ConfigPath path)
    {
        if (message is null)
        {
            problems.Add(path.Under(host), "a condition on an input needs a value_match with a pattern", "add one of exact, prefix, suffix, contains and safe_regex");
            return StringMatcher.Exact("");
        }

        // The same fields with the same numbers: the one message is written as the other.
        return MatcherTranslator.String(Envoy.Type.Matcher.V3.StringMatcher.Parser.ParseFrom(message.ToByteArray()), problems, path.Under(host));
    }

    /// <summary>A block whose fields were checked already; its length is 0 where none is set, as in Envoy.</summary>
    private static CidrRange Range(string prefix, uint? length) => new(IPAddress.Parse(prefix), (int)(length ?? 0u));
}

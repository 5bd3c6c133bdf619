using System.Collections.Immutable;
using CsCheck;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>The compiled table against <see cref="RoutingOracle"/>, on route sets from a small alphabet so that they collide a lot.</summary>
public sealed class RoutingPropertyTests
{
    private const int RequestsPerTable = 20;
    private const int Tables = 3_000;

    private static readonly Gen<string> Element = Gen.OneOf("a", "A", "b", "ab", "aB", "");

    private static readonly Gen<string> Path = Element.Array[0, 4].Select(elements => "/" + string.Join('/', elements));

    private static readonly Gen<string> Text = Gen.OneOf("", "1", "2", "12", "x", "X", "xy");

    private static readonly Gen<StringMatcher> Strings = Gen.OneOf<StringMatcher>(
        Gen.Select(Gen.Enum<StringMatchKind>().Where(kind => kind != StringMatchKind.Regex), Text, Gen.Bool, (kind, value, ignore) => new StringMatcher(kind, value, ignore)),
        Gen.OneOf("x.*", "1|2", "[0-9]+").Select(StringMatcher.Regex));

    private static readonly Gen<HeaderMatcher> Headers = Gen.Select(
        Gen.OneOf("x-a", "x-b", "user-agent"),
        Gen.OneOf<HeaderMatch>(
            Gen.Bool.Select(present => (HeaderMatch)new PresentHeader(present)),
            Strings.Select(matcher => (HeaderMatch)new HeaderString(matcher)),
            Gen.Const((HeaderMatch)new HeaderRange(1, 12))),
        Gen.Bool,
        Gen.Bool,
        (name, match, invert, empty) => new HeaderMatcher { Name = name, Match = match, Invert = invert, TreatMissingHeaderAsEmpty = empty });

    private static readonly Gen<QueryParameterMatcher> Parameters = Gen.Select(Gen.OneOf("p", "q"), Strings, Gen.Int[0, 2],
        (name, value, kind) => new QueryParameterMatcher { Name = name, Value = kind == 0 ? value : null, Present = kind == 1 });

    private static readonly Gen<PathSpecifier> Paths = Gen.OneOf<PathSpecifier>(
        Path.Select(path => (PathSpecifier)new PrefixPath(path)),
        Path.Select(path => (PathSpecifier)new PrefixPath(path[..^1])),
        Path.Select(path => (PathSpecifier)new ExactPath(path)),
        Path.Where(path => path.Length > 1 && !path.EndsWith('/')).Select(path => (PathSpecifier)new SeparatedPrefixPath(path)),
        Gen.OneOf("/a/.*", "/[ab]+", "/a|/b", "/(a|A)/?b?", "/ab*/a", "^/a/b$", "/a/b(/.*)?").Select(pattern => (PathSpecifier)new RegexPath(pattern)));

    private static readonly Gen<RouteMatch> Matches = Gen.Select(
        Paths,
        Gen.Int[0, 3].Select(n => n > 0),
        Gen.Frequency<HeaderMatcher[]>((3, Gen.Const(Array.Empty<HeaderMatcher>())), (2, Headers.Array[1, 2])),
        Gen.Frequency<QueryParameterMatcher[]>((4, Gen.Const(Array.Empty<QueryParameterMatcher>())), (1, Parameters.Array[1, 2])),
        Gen.Frequency<RuntimeFraction?>((6, Gen.Const((RuntimeFraction?)null)), (1, Gen.UInt[0, 100].Select(n => (RuntimeFraction?)new RuntimeFraction(n)))),
        (path, sensitive, headers, parameters, fraction) => new RouteMatch
        {
            Path = path,
            CaseSensitive = sensitive,
            Headers = [.. headers],
            QueryParameters = [.. parameters],
            RuntimeFraction = fraction,
        });

    private static readonly Gen<string> Label = Gen.OneOf("a", "B", "ab", "c.d", "x-a");

    private static readonly Gen<string> HostName = Label.Array[1, 3].Select(labels => string.Join('.', labels));

    private static readonly Gen<string> Domain = Gen.OneOf<string>(
        HostName,
        HostName.Select(name => "*." + name),
        HostName.Select(name => "*-" + name),
        HostName.Select(name => name + ".*"),
        Gen.Const("*"));

    private static readonly Gen<RouteConfiguration> Configurations = Gen.Select(Domain.Array[1, 8], Matches.Array[0, 12], (domains, matches) =>
    {
        var route = (int host) => matches.Skip(host % 3).Select(match => new Route { Match = match, Action = new ForwardAction { Cluster = new SingleCluster("c") } }).ToImmutableArray();
        var unique = domains.DistinctBy(domain => domain.ToLowerInvariant(), StringComparer.Ordinal).ToArray();
        return new RouteConfiguration { VirtualHosts = [.. unique.Select((domain, i) => new VirtualHost { Name = domain, Domains = [domain], Routes = route(i) })] };
    });

    private static readonly Gen<RoutingOracle.Request> Requests = Gen.Select(
        Gen.Frequency<string?>((1, Gen.Const((string?)null)), (20, HostName.Select(name => (string?)name))),
        Path,
        Gen.OneOf("", "p", "p=1", "p=&q=x", "q=2&p=X&q=1", "pp=1"),
        Gen.Select(Gen.OneOf("x-a", "x-b", "user-agent"), Text).Array[0, 3],
        Gen.ULong,
        (host, path, query, headers, random) => new RoutingOracle.Request(host, path, query, headers, random));

    [Fact]
    public void The_compiled_table_answers_as_a_linear_search_would() =>
        Gen.Select(Configurations, Requests.Array[RequestsPerTable]).Sample(
            (configuration, requests) =>
            {
                var table = RouteTables.Compile(configuration);
                return requests.All(request => Agrees(table, configuration, request));
            },
            iter: Tables,
            print: Print);

    private static string Print((RouteConfiguration Configuration, RoutingOracle.Request[] Requests) sample)
    {
        var table = RouteTables.Compile(sample.Configuration);
        var request = sample.Requests.First(request => !Agrees(table, sample.Configuration, request));
        var trace = new RecordingTrace();
        table.TryMatch(Head(request), RuntimeValues.Empty, request.Random, ref trace, out _);
        var routes = sample.Configuration.VirtualHosts.SelectMany(host => host.Routes.Select(route => $"{host.Name}: {route.Match.Path} {route.Match.CaseSensitive} {string.Join(';', route.Match.Headers)}"));
        return $"""
            {request} {string.Join(';', request.Headers)}
            domains: {string.Join(' ', sample.Configuration.VirtualHosts.Select(host => host.Name))}
            expected: {RoutingOracle.Find(sample.Configuration, request)}
            {string.Join('\n', trace.Steps)}
            {string.Join('\n', routes)}
            """;
    }

    private static bool Agrees(RouteTable table, RouteConfiguration configuration, RoutingOracle.Request request)
    {
        var expected = RoutingOracle.Find(configuration, request);
        var head = Head(request);
        var matched = table.TryMatch(head, RuntimeValues.Empty, request.Random, out var result);
        var actual = matched ? (result.VirtualHost.Name, result.Route.Index) : ((string, int)?)null;

        var trace = new RecordingTrace();
        table.TryMatch(head, RuntimeValues.Empty, request.Random, ref trace, out var traced);
        return actual == expected && ReferenceEquals(traced.Route, result.Route) && Tells(trace, result, matched);
    }

    /// <summary>The trace ends in the result, and accounts once, in order, for every route up to it.</summary>
    private static bool Tells(RecordingTrace trace, RouteMatchResult result, bool matched)
    {
        var last = trace.Steps[^1];
        var skipped = trace.Steps.Where(step => step.Kind == MatchStepKind.RouteSkipped).Select(step => step.Route!.Index);
        if (matched)
        {
            return last.Kind == MatchStepKind.RouteSelected && ReferenceEquals(last.Route, result.Route)
                && skipped.SequenceEqual(Enumerable.Range(0, result.Route.Index));
        }

        return last.Kind == MatchStepKind.NoVirtualHost
            || (last.Kind == MatchStepKind.NoRoute && skipped.SequenceEqual(Enumerable.Range(0, last.VirtualHost!.Routes.Length)));
    }

    private static RequestHead Head(RoutingOracle.Request request) => RequestHeads.Create(
        "GET",
        request.Query.Length == 0 ? request.Path : $"{request.Path}?{request.Query}",
        request.Host,
        [.. request.Headers.Select(header => $"{header.Name}: {header.Value}")]);
}

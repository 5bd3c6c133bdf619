using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Envoy's path specifiers and the order of routes.</summary>
public sealed class PathMatchingTests
{
    [Theory]
    [InlineData("/api", "/api", true)]
    [InlineData("/api", "/api/x", true)]
    [InlineData("/api", "/apix", true)]
    [InlineData("/api", "/ap", false)]
    [InlineData("/api", "/API", false)]
    [InlineData("/api", "/api?x=/other", true)]
    [InlineData("", "/anything", true)]
    [InlineData("/", "/anything", true)]
    public void A_prefix_is_compared_by_bytes(string prefix, string target, bool matches) =>
        (RouteTables.Of(RouteTables.Prefix(prefix, "c")).Cluster(target) is not null).Should().Be(matches);

    [Theory]
    [InlineData("/api", true)]
    [InlineData("/api?x=1", true)]
    [InlineData("/api/", false)]
    [InlineData("/ap", false)]
    [InlineData("/Api", false)]
    public void An_exact_path_is_the_path_without_query(string target, bool matches) =>
        (RouteTables.Of(RouteTables.Route(new ExactPath("/api"), "c")).Cluster(target) is not null).Should().Be(matches);

    [Theory]
    [InlineData("/api", true)]
    [InlineData("/api/", true)]
    [InlineData("/api/x", true)]
    [InlineData("/api?x", true)]
    [InlineData("/apix", false)]
    [InlineData("/ap", false)]
    public void A_separated_prefix_ends_at_an_element(string target, bool matches) =>
        (RouteTables.Of(RouteTables.Route(new SeparatedPrefixPath("/api"), "c")).Cluster(target) is not null).Should().Be(matches);

    [Theory]
    [InlineData("/b[io]t", "/bit", true)]
    [InlineData("/b[io]t", "/bite", false)]
    [InlineData("/b[io]t", "/bit?x=/bite", true)]
    [InlineData("bit", "/bit", false)]
    [InlineData("/(?P<name>[a-z]+)/x", "/abc/x", true)]
    [InlineData("/a|/b", "/b", true)]
    [InlineData("/v1/.*|/v2/.*", "/v2/x", true)]
    [InlineData("/ab?c", "/ac", true)]
    [InlineData("/(?i)ab", "/AB", true)]
    [InlineData("/é+", "/éé", true)]
    public void A_regex_matches_the_whole_path(string pattern, string target, bool matches) =>
        (RouteTables.Of(RouteTables.Route(new RegexPath(pattern), "c")).Cluster(target) is not null).Should().Be(matches);

    public static TheoryData<PathSpecifier, string> AnyCase => new()
    {
        { new PrefixPath("/Api"), "/aPI/x" },
        { new ExactPath("/Api"), "/aPI" },
        { new SeparatedPrefixPath("/Api"), "/aPI/x" },
        { new PrefixPath("/Straße"), "/STRAßE/x" },
    };

    [Theory]
    [MemberData(nameof(AnyCase))]
    public void Letter_case_can_be_ignored(PathSpecifier path, string target)
    {
        RouteTables.Of(RouteTables.Route(path, "c", m => m with { CaseSensitive = false })).Cluster(target).Should().Be("c");
        RouteTables.Of(RouteTables.Route(path, "c")).Cluster(target).Should().BeNull();
    }

    [Fact]
    public void The_first_route_that_matches_wins_whatever_its_kind()
    {
        var table = RouteTables.Of(
            RouteTables.Route(new RegexPath("/a/[0-9]+"), "regex"),
            RouteTables.Prefix("/a/b/c", "long"),
            RouteTables.Route(new PrefixPath("/A"), "any case", m => m with { CaseSensitive = false }),
            RouteTables.Route(new ExactPath("/a/exact"), "shadowed"),
            RouteTables.Prefix("/", "rest"));
        table.Cluster("/a/7").Should().Be("regex");
        table.Cluster("/a/b/c/d").Should().Be("long");
        table.Cluster("/a/exact").Should().Be("any case");
        table.Cluster("/other").Should().Be("rest");
    }

    [Fact]
    public void A_route_whose_conditions_fail_leaves_the_request_to_later_routes()
    {
        Route Conditional(PathSpecifier path, string name) =>
            RouteTables.Route(path, name, m => m with { Headers = [new HeaderMatcher { Name = "x-" + name }] });
        var table = RouteTables.Of(
            Conditional(new PrefixPath("/a/b"), "0"),
            Conditional(new PrefixPath("/"), "1"),
            Conditional(new ExactPath("/a/b"), "2"),
            Conditional(new SeparatedPrefixPath("/a"), "3"),
            RouteTables.Prefix("/a", "4"),
            Conditional(new PrefixPath("/a/b"), "5"));
        for (var i = 0; i < 4; i++)
        {
            var headers = Enumerable.Range(i, 6 - i).Select(n => $"x-{n}: y").ToArray();
            table.Cluster(RequestHeads.Create("GET", "/a/b", "host", headers)).Should().Be($"{i}");
        }

        table.Cluster(RequestHeads.Create("GET", "/a/b", "host", "x-5: y")).Should().Be("4");
    }

    [Fact]
    public void A_thousand_nested_conditional_prefixes_keep_their_order()
    {
        // Each is longer than the one before, so that one path meets all of them, in lists of their own.
        var routes = Enumerable.Range(1, 1000)
            .Select(i => RouteTables.Route(new PrefixPath("/" + new string('a', 1001 - i)), $"{i}", m => m with { Headers = [new HeaderMatcher { Name = $"x-{i % 7}-{i / 500}" }] }))
            .ToArray();
        var table = RouteTables.Of(routes);
        table.Cluster(RequestHeads.Create("GET", "/" + new string('a', 1000), "host", "x-3-1: y")).Should().Be("500");
        table.Cluster(RequestHeads.Create("GET", "/" + new string('a', 1000), "host")).Should().BeNull();
    }

    [Fact]
    public void Path_parameters_can_be_ignored()
    {
        var configuration = new RouteConfiguration { VirtualHosts = [RouteTables.Host("h", ["*"], RouteTables.Route(new ExactPath("/a"), "c"))] };
        RouteTables.Compile(configuration).Cluster("/a;v=1").Should().BeNull();
        RouteTables.Compile(configuration with { IgnorePathParametersInPathMatching = true }).Cluster("/a;v=1").Should().Be("c");
    }

    [Fact]
    public void A_request_without_a_path_matches_no_path() =>
        RouteTables.Of(RouteTables.Prefix("", "c")).Cluster(RequestHeads.Create("CONNECT", "", "host")).Should().BeNull();
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>What a configuration is refused for, with the path of the field.</summary>
public sealed class CompileErrorTests
{
    private static IEnumerable<string> Errors(params VirtualHost[] hosts)
    {
        var compiled = RouteTable.TryCompile(new RouteConfiguration { VirtualHosts = [.. hosts] }, Re2Syntax.Read, out var table, out var errors);
        (table is not null).Should().Be(compiled);
        errors.Should().OnlyContain(error => error.Message.Length > 0 && error.Remedy.Length > 0);
        return errors.Select(error => error.Path);
    }

    private static IEnumerable<string> Errors(Route route) => Errors(RouteTables.Host("h", ["*"], route)).Select(path => path.Replace("virtual_hosts[0].routes[0].", ""));

    private static Route Matching(PathSpecifier path) => RouteTables.Route(path, "c");

    private static Route Doing(RouteAction action) => new() { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = action };

    private static ForwardAction Forward(ClusterSpecifier? cluster = null) => new() { Cluster = cluster ?? new SingleCluster("c") };

    public static TheoryData<string, Route> Routes => new()
    {
        { "match.safe_regex.regex", Matching(new RegexPath("/a(")) },
        { "match.path_separated_prefix", Matching(new SeparatedPrefixPath("/a/")) },
        { "match.path_separated_prefix", Matching(new SeparatedPrefixPath("/a?b")) },
        { "match.headers[0].string_match.safe_regex.regex", RouteTables.Route(new PrefixPath("/"), "c", m => m with { Headers = [new HeaderMatcher { Name = "a", Match = new HeaderString(StringMatcher.Regex("(?=x)")) }] }) },
        { "match.query_parameters[0].name", RouteTables.Route(new PrefixPath("/"), "c", m => m with { QueryParameters = [new QueryParameterMatcher { Name = "" }] }) },
        { "match.runtime_fraction.default_value.denominator", RouteTables.Route(new PrefixPath("/"), "c", m => m with { RuntimeFraction = new RuntimeFraction(1, 7) }) },
        { "route.cluster", Doing(Forward(new SingleCluster(""))) },
        { "route.cluster_header", Doing(Forward(new ClusterFromHeader(""))) },
        { "route.weighted_clusters", Doing(Forward(new WeightedClusters([]))) },
        { "route.weighted_clusters", Doing(Forward(new WeightedClusters([new WeightedCluster { Name = "a", Weight = uint.MaxValue }, new WeightedCluster { Name = "b", Weight = 1 }]))) },
        { "route.weighted_clusters.clusters[0]", Doing(Forward(new WeightedClusters([new WeightedCluster { Weight = 1 }]))) },
        { "route.cluster_not_found_response_code", Doing(Forward() with { ClusterNotFoundResponseCode = 418 }) },
        { "route", Doing(Forward() with { PrefixRewrite = "/a", RegexRewrite = new("a", "b") }) },
        { "route.prefix_rewrite", Doing(Forward() with { PrefixRewrite = "/a b" }) },
        { "route.regex_rewrite.pattern.regex", Doing(Forward() with { RegexRewrite = new("[", "b") }) },
        { "route.regex_rewrite.substitution", Doing(Forward() with { RegexRewrite = new("(a)", @"\2") }) },
        { "route.regex_rewrite.substitution", Doing(Forward() with { RegexRewrite = new("a", @"\x") }) },
        { "route.host_rewrite_literal", Doing(Forward() with { HostRewrite = new HostRewriteLiteral("a\r\nb") }) },
        { "redirect.port_redirect", Doing(new RedirectAction { PortRedirect = 70000 }) },
        { "redirect.response_code", Doing(new RedirectAction { ResponseCode = 200 }) },
        { "redirect", Doing(new RedirectAction { PathRedirect = "/a", PrefixRewrite = "/b" }) },
        { "direct_response.status", Doing(new DirectResponseAction(100)) },
        { "direct_response.body", Doing(new DirectResponseAction(200, new byte[4097])) },
        { "request_headers_to_add[0].header.key", Matching(new PrefixPath("/")) with { RequestHeaders = Adding(":path", "x") } },
        { "request_headers_to_add[0].header.key", Matching(new PrefixPath("/")) with { RequestHeaders = Adding("Host", "x") } },
        { "request_headers_to_add[0].header.key", Matching(new PrefixPath("/")) with { RequestHeaders = Adding("Content-Length", "1") } },
        { "response_headers_to_add[0].header.key", Matching(new PrefixPath("/")) with { ResponseHeaders = Adding("a b", "x") } },
        { "response_headers_to_add[0].header.value", Matching(new PrefixPath("/")) with { ResponseHeaders = Adding("a", "x\r\ny") } },
        { "response_headers_to_add[0].header.value", Matching(new PrefixPath("/")) with { ResponseHeaders = Adding("a", "50%") } },
        { "response_headers_to_remove[0]", Matching(new PrefixPath("/")) with { ResponseHeaders = new HeaderRules { Remove = ["host"] } } },
    };

    private static HeaderRules Adding(string name, string value) => new() { Add = [new HeaderValueOption { Name = name, Value = value }] };

    [Theory]
    [MemberData(nameof(Routes))]
    public void A_bad_field_is_named(string path, Route route) => Errors(route).Should().Equal(path);

    [Theory]
    [InlineData("%NO_SUCH_THING%", "NO_SUCH_THING")]
    [InlineData("a%%%REQ()%b", "REQ")]
    [InlineData("50%", "character 3")]
    [InlineData("%PROTOCOL", "not closed")]
    public void A_format_operator_that_cannot_be_is_named(string value, string named)
    {
        var route = Matching(new PrefixPath("/")) with { RequestHeaders = Adding("x-a", value) };
        RouteTable.TryCompile(new RouteConfiguration { VirtualHosts = [RouteTables.Host("h", ["*"], route)] }, Re2Syntax.Read, out _, out var errors);
        var error = errors.Should().ContainSingle().Subject;
        error.Path.Should().Be("virtual_hosts[0].routes[0].request_headers_to_add[0].header.value");
        error.Message.Should().Contain(named);
    }

    [Fact]
    public void A_domain_may_appear_once()
    {
        Errors(RouteTables.Host("a", ["foo.com", "*.x"]), RouteTables.Host("b", ["FOO.com", "*.x", "y.*", "y.*"]))
            .Should().Equal("virtual_hosts[1].domains[0]", "virtual_hosts[1].domains[1]", "virtual_hosts[1].domains[3]");
        Errors(RouteTables.Host("a", ["*"]), RouteTables.Host("b", ["*"])).Should().Equal("virtual_hosts[1].domains[0]");
    }

    [Fact]
    public void A_virtual_host_needs_a_domain() => Errors(RouteTables.Host("a", [])).Should().Equal("virtual_hosts[0].domains");

    [Fact]
    public void All_errors_are_reported() =>
        Errors(
            RouteTables.Host("a", ["a"], Matching(new RegexPath("(")), Matching(new RegexPath("("))),
            RouteTables.Host("b", ["b"], Doing(new DirectResponseAction(99)))).Should().HaveCount(3);
}

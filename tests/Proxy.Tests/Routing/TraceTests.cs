using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>The explanation of a match.</summary>
public sealed class TraceTests
{
    private static IEnumerable<string> Explain(RouteTable table, RequestHead head)
    {
        var trace = new RecordingTrace();
        table.TryMatch(head, RuntimeValues.Empty, 99, ref trace, out _);
        return trace.Steps.Select(step => step.Text);
    }

    [Fact]
    public void Every_route_before_the_one_taken_has_its_reason()
    {
        var table = RouteTables.Of(RouteTables.Host(
            "shop",
            ["*.shop.com"],
            RouteTables.Route(new ExactPath("/cart"), "cart"),
            RouteTables.Route(new PrefixPath("/"), "beta", m => m with { Headers = [new HeaderMatcher { Name = "x-beta" }] }),
            RouteTables.Route(new SeparatedPrefixPath("/items"), "debug", m => m with { QueryParameters = [new QueryParameterMatcher { Name = "debug", Value = StringMatcher.Exact("1") }] }),
            RouteTables.Route(new PrefixPath("/items"), "canary", m => m with { RuntimeFraction = new RuntimeFraction(5) }),
            RouteTables.Route(new RegexPath("/items/[a-z]+"), "letters"),
            RouteTables.Prefix("/items", "items"),
            RouteTables.Prefix("/", "rest")));
        Explain(table, RequestHeads.Get("http://www.shop.com/items/42")).Should().Equal(
            "no domain is exactly this host",
            "virtual host 'shop' by suffix wildcard domain '*.shop.com'",
            "route shop[0] cart skipped: path is not exactly '/cart'",
            "route shop[1] beta skipped: header x-beta present does not hold",
            "route shop[2] debug skipped: query parameter debug exact '1' does not hold",
            "route shop[3] canary skipped: not among the requests that it takes: 5 of 100",
            "route shop[4] letters skipped: path is not regex '/items/[a-z]+'",
            "route shop[5] items taken: prefix '/items'");
    }

    [Fact]
    public void A_request_without_route_is_explained() =>
        Explain(RouteTables.Of(RouteTables.Host("h", ["h"], RouteTables.Prefix("/a", "a"), RouteTables.Prefix("/b", "b"))), RequestHeads.Get("http://h/c")).Should().Equal(
            "virtual host 'h' by exact domain 'h'",
            "route h[0] a skipped: path is not prefix '/a'",
            "route h[1] b skipped: path is not prefix '/b'",
            "no route of virtual host 'h' matches");

    [Fact]
    public void A_request_without_virtual_host_is_explained()
    {
        var table = RouteTables.OfDomains("a.com", "*.b.com", "c.*");
        Explain(table, RequestHeads.Get("http://d/")).Should().Equal(
            "no domain is exactly this host",
            "no wildcard domain '*…' covers this host",
            "no wildcard domain '…*' covers this host",
            "there is no domain '*'",
            "no virtual host covers this host");
        Explain(table, RequestHeads.WithoutHost("/")).Should().Equal("the request names no host");
    }

    [Fact]
    public void A_redirect_to_tls_is_explained() =>
        Explain(RouteTables.Of(RouteTables.Host("h", ["*"]) with { RequireTls = TlsRequirement.All }), RequestHeads.Get("http://h/")).Should()
            .Contain("virtual host 'h' redirects plain text to https");
}

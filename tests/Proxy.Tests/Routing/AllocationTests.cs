using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.RuntimeLayers;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Routing;

public sealed class AllocationTests
{
    [Fact]
    public void A_match_in_traffic_allocates_nothing()
    {
        var table = RouteTables.Of(
            RouteTables.Host("w", ["*.example.com"], RouteTables.Prefix("/", "w")),
            RouteTables.Host(
                "h",
                ["example.com"],
                RouteTables.Route(new PrefixPath("/API"), "any case", m => m with { CaseSensitive = false, Headers = [new HeaderMatcher { Name = "x-missing" }] }),
                RouteTables.Route(new PrefixPath("/api"), "header", m => m with { Headers = [new HeaderMatcher { Name = "x-a", Match = new HeaderString(StringMatcher.Exact("a,c")) }] }),
                RouteTables.Route(new RegexPath("/api/v[0-9]+/x"), "regex"),
                RouteTables.Route(new PrefixPath("/api"), "query", m => m with { QueryParameters = [new QueryParameterMatcher { Name = "q", Value = StringMatcher.Regex("[a-z]+") }] }),
                RouteTables.Prefix("/", "rest")));
        var head = RequestHeads.Get("http://Example.com/api/v1/things?q=1", "x-a: a", "x-a: b");
        for (var i = 0; i < 100; i++)
        {
            table.Cluster(head).Should().Be("rest");
        }

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                table.TryMatch(head, RuntimeValues.Empty, (ulong)i, out _);
            }
        }).Should().Be(0);
    }
}

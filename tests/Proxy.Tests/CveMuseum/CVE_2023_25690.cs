using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Tests.Traffic;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Apache's mod_proxy put what a rewrite rule had captured, percent-decoded, into the request line to the backend: an encoded space and line
/// ends in the path ended the request and began another.
/// </summary>
public sealed class CVE_2023_25690
{
    private const string Splitting = "x%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0aGET%20/smuggled";

    [Theory]
    [InlineData("/here/", "/there/" + Splitting)]
    [InlineData("/regex/", "/there?path=" + Splitting)]
    [InlineData("/plain/", "/plain/" + Splitting)]
    public async Task What_a_rewrite_takes_over_stays_encoded(string prefix, string expected)
    {
        var backend = new SingleCluster("backend");
        await using var exhibit = Exhibit.Open(routes: RunningProxy.Table(
            new Route { Match = new RouteMatch { Path = new PrefixPath("/here/") }, Action = new ForwardAction { Cluster = backend, PrefixRewrite = "/there/" } },
            new Route { Match = new RouteMatch { Path = new PrefixPath("/regex/") }, Action = new ForwardAction { Cluster = backend, RegexRewrite = new RegexSubstitution("^/regex/(.*)$", @"/there?path=\1") } },
            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = backend } }));

        var answers = await exhibit.SendAsync($"GET {prefix}{Splitting} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

        answers.Should().Equal(200);
        exhibit.Arrived.Should().Equal($"GET {expected}");
    }

    [Fact]
    public async Task A_redirect_keeps_it_encoded_too()
    {
        await using var exhibit = Exhibit.Open(routes: RunningProxy.Table(
            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new RedirectAction { RegexRewrite = new RegexSubstitution("^/(.*)$", @"/there/\1") } }));

        var response = await Testing.Http.RawHttpClient.GetAsync(exhibit.Proxy.Port, $"/{Splitting}");

        response.Headers["location"].Should().Be($"http://localhost/there/{Splitting}");
    }
}

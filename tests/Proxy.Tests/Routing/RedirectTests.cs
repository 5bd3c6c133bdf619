using System.Buffers;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Location of redirects and direct responses, after Envoy's route tests.</summary>
public sealed class RedirectTests
{
    private static string Location(string url, RouteAction action, PathSpecifier? path = null)
    {
        var head = RequestHeads.Get(url);
        var table = RouteTables.Of(new Route { Match = new RouteMatch { Path = path ?? new PrefixPath("/") }, Action = action });
        var output = new ArrayBufferWriter<byte>();
        table.Match(head).Route.Redirect!.WriteLocation(head, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    public static TheoryData<string, RedirectAction, string> Urls => new()
    {
        { "http://h/a?q", new RedirectAction { HttpsRedirect = true }, "https://h/a?q" },
        { "http://h:80/a", new RedirectAction { HttpsRedirect = true }, "https://h/a" },
        { "http://h:8080/a", new RedirectAction { HttpsRedirect = true }, "https://h:8080/a" },
        { "https://h:443/a", new RedirectAction { SchemeRedirect = "http" }, "http://h/a" },
        { "http://[::1]:80/a", new RedirectAction { HttpsRedirect = true }, "https://[::1]/a" },
        { "http://[::1]/a", new RedirectAction { HttpsRedirect = true }, "https://[::1]/a" },
        { "http://h:80/a", new RedirectAction { HostRedirect = "n:1" }, "http://n:1/a" },
        { "http://h:80/a", new RedirectAction { PortRedirect = 8443, HttpsRedirect = true }, "https://h:8443/a" },
        { "http://h/a?q", new RedirectAction { PathRedirect = "/new" }, "http://h/new?q" },
        { "http://h/a?q", new RedirectAction { PathRedirect = "/new", StripQuery = true }, "http://h/new" },
        { "http://h/a?q", new RedirectAction { PathRedirect = "/new?x", StripQuery = true }, "http://h/new?x" },
        { "http://h/a?q", new RedirectAction { PathRedirect = "new" }, "http://h/new?q" },
        { "http://h/a?q", new RedirectAction { HostRedirect = "n", StripQuery = true }, "http://n/a" },
        { "http://h/a/b?q", new RedirectAction { RegexRewrite = new("^/a/(.*)", @"/\1") }, "http://h/b?q" },
        { "http://h/a/b?q", new RedirectAction { RegexRewrite = new("^/a/(.*)", @"\1"), StripQuery = true }, "http://h/b" },
    };

    [Theory]
    [MemberData(nameof(Urls))]
    public void A_redirect_changes_the_parts_it_names(string url, RedirectAction action, string expected) =>
        Location(url, action).Should().Be(expected);

    [Theory]
    [InlineData("http://h/old/x?q", "http://h/new/x?q", false)]
    [InlineData("http://h/old/x?q", "http://h/new/x", true)]
    public void A_prefix_rewrite_replaces_the_matched_prefix(string url, string expected, bool stripQuery) =>
        Location(url, new RedirectAction { PrefixRewrite = "/new", StripQuery = stripQuery }, new PrefixPath("/old")).Should().Be(expected);

    [Fact]
    public void A_direct_response_with_a_3xx_status_carries_the_url_itself()
    {
        Location("http://h/a?q", new DirectResponseAction(302)).Should().Be("http://h/a?q");
        var table = RouteTables.Of(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(200, "ok"u8.ToArray()) });
        var route = table.Match(RequestHeads.Get("http://h/")).Route;
        route.Redirect.Should().BeNull();
        route.DirectResponse!.Body.Length.Should().Be(2);
    }

    [Fact]
    public void A_route_without_forwarding_says_so() =>
        RouteTables.Of(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new NonForwardingAction() })
            .Match(RequestHeads.Get("http://h/")).Route.Kind.Should().Be(RouteKind.NonForwarding);
}

using System.Buffers;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Testing;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Path templates as Envoy's <c>envoy.path.match.uri_template</c> and <c>envoy.path.rewrite.uri_template</c> have them.</summary>
public sealed class PathTemplateTests
{
    [Theory]
    [InlineData("/videos/*", "/videos/a", true)]
    [InlineData("/videos/*", "/videos/", false)]
    [InlineData("/videos/*", "/videos/a/b", false)]
    [InlineData("/videos/**", "/videos/", true)]
    [InlineData("/videos/**", "/videos/a/b/", true)]
    [InlineData("/videos/**", "/videos", false)]
    [InlineData("/**", "/", true)]
    [InlineData("/", "/", true)]
    [InlineData("/a/", "/a", false)]
    [InlineData("/a/", "/a/", true)]
    [InlineData("/{id}/x", "/7/x", true)]
    [InlineData("/{id=*}/x", "/7/x", true)]
    [InlineData("/{id=*}/x", "/7/8/x", false)]
    [InlineData("/{file=videos/*/*}", "/videos/1/2", true)]
    [InlineData("/{file=videos/*/*}", "/video/1/2", false)]
    [InlineData("/videos/*/*.m4s", "/videos/1/2.m4s", true)]
    [InlineData("/videos/*/*.m4s", "/videos/1/2xm4s", false)]
    [InlineData("/v/{rest=**}.mpd", "/v/a/b/c.mpd", true)]
    [InlineData("/v/{rest=**}.mpd", "/v/a/b/c.mpdx", false)]
    [InlineData("/a.b+c$(d)/*", "/a.b+c$(d)/x", true)]
    [InlineData("/a.b", "/axb", false)]
    [InlineData("/*", "/a=b", false)]
    [InlineData("/*", "/a%20b", true)]
    [InlineData("/Videos/*", "/videos/a", false)]
    [InlineData("/videos/*", "/videos/a?b=c/d", true)]
    public void A_template_matches_what_its_operators_stand_for(string template, string target, bool matches) =>
        (RouteTables.Of(RouteTables.Route(new TemplatePath(template), "c")).Cluster(target) is not null).Should().Be(matches);

    [Theory]
    [InlineData("")]
    [InlineData("videos/*")]
    [InlineData("//")]
    [InlineData("/a//b")]
    [InlineData("/a b")]
    [InlineData("/a=b")]
    [InlineData("/a?b")]
    [InlineData("/a*")]
    [InlineData("/***")]
    [InlineData("/**/*")]
    [InlineData("/**/{a}")]
    [InlineData("/**/{a=b/*}")]
    [InlineData("/{a=**}/*")]
    [InlineData("/*.js/x")]
    [InlineData("/{a}{b}")]
    [InlineData("/{a")]
    [InlineData("/{}")]
    [InlineData("/{1a}")]
    [InlineData("/{a-b}")]
    [InlineData("/{a=}")]
    [InlineData("/{a=b/}")]
    [InlineData("/{a=*x}")]
    [InlineData("/{a}/{a}")]
    [InlineData("/{seventeen_letters}")]
    [InlineData("/{a}/{b}/{c}/{d}/{e}/{f}")]
    public void A_template_that_cannot_be_is_refused(string template) => Errors(new TemplatePath(template), new ForwardAction { Cluster = new SingleCluster("c") })
        .Should().Equal("virtual_hosts[0].routes[0].match.path_match_policy.typed_config.path_template");

    [Theory]
    [InlineData("/{a}/{b}/{c}/{d}/{e}", "/{e}/{d}/{c}/{b}/{a}", "/1/2/3/4/5?q", "/5/4/3/2/1?q")]
    [InlineData("/api/users/{id}/{path=**}", "/users/{path}/of-{id}", "/api/users/7/x/y", "/users/x/y/of-7")]
    [InlineData("/{file=videos/*}", "/new/{file}", "/videos/a", "/new/videos/a")]
    [InlineData("/{sixteen_letters_}", "/a", "/x?b", "/a?b")]
    [InlineData("/{a}/{b}", "/{a}.{a}", "/1/2", "/1.1")]
    public void A_rewrite_puts_variables_where_it_says(string template, string rewrite, string target, string expected)
    {
        var route = RouteTables.Route(new TemplatePath(template), "c") with { Action = new ForwardAction { Cluster = new SingleCluster("c"), TemplateRewrite = rewrite } };
        var head = RequestHeads.Create("GET", target, "h");
        var output = new ArrayBufferWriter<byte>();

        RouteTables.Of(route).Match(head).Route.Forward!.WriteTarget(head, output);

        Encoding.UTF8.GetString(output.WrittenSpan).Should().Be(expected);
    }

    [Theory]
    [InlineData("{a}")]
    [InlineData("/x//{a}")]
    [InlineData("/{b}")]
    [InlineData("/{a")]
    [InlineData("/*")]
    [InlineData("/x y")]
    public void A_rewrite_that_cannot_be_is_refused(string rewrite) => Errors(new TemplatePath("/{a}"), new ForwardAction { Cluster = new SingleCluster("c"), TemplateRewrite = rewrite })
        .Should().Equal("virtual_hosts[0].routes[0].route.path_rewrite_policy.typed_config.path_template_rewrite");

    [Fact]
    public void A_rewrite_needs_a_template_and_excludes_the_others()
    {
        Errors(new PrefixPath("/"), new ForwardAction { Cluster = new SingleCluster("c"), TemplateRewrite = "/a" }).Should().Equal("virtual_hosts[0].routes[0].route.path_rewrite_policy");
        Errors(new TemplatePath("/*"), new ForwardAction { Cluster = new SingleCluster("c"), TemplateRewrite = "/a", PrefixRewrite = "/b" })
            .Should().Equal("virtual_hosts[0].routes[0].route.path_rewrite_policy");
    }

    [Fact]
    public void Templates_stand_in_the_order_of_the_routes()
    {
        var table = RouteTables.Of(
            RouteTables.Route(new ExactPath("/a/1"), "exact"), RouteTables.Route(new TemplatePath("/a/{x}"), "one"), RouteTables.Prefix("/a/b", "prefix"),
            RouteTables.Route(new TemplatePath("/**"), "any", static match => match with { Headers = [new HeaderMatcher { Name = "x" }] }), RouteTables.Prefix("/", "rest"));

        table.Cluster("/a/1").Should().Be("exact");
        table.Cluster("/a/b").Should().Be("one");
        table.Cluster("/a/b/c").Should().Be("prefix");
        table.Cluster("/z").Should().Be("rest");
        table.Cluster(RequestHeads.Create("GET", "/z", "h", "x: 1")).Should().Be("any");
    }

    [Fact]
    public void A_match_allocates_nothing()
    {
        var table = RouteTables.Of(RouteTables.Route(new TemplatePath("/a/{x}/b/{y=**}.js"), "template"), RouteTables.Prefix("/", "rest"));
        var head = RequestHeads.Get("http://h/a/1/b/c/d.js");
        for (var i = 0; i < 100; i++)
        {
            table.Cluster(head).Should().Be("template");
        }

        AllocatedBytes.Least(() =>
        {
            for (var i = 0; i < 100; i++)
            {
                table.TryMatch(head, KubeProxyNet.Proxy.RuntimeLayers.RuntimeValues.Empty, 0, out _);
            }
        }).Should().Be(0);
    }

    private static string[] Errors(PathSpecifier path, ForwardAction action)
    {
        var route = new Route { Match = new RouteMatch { Path = path }, Action = action };
        RouteTable.TryCompile(new RouteConfiguration { VirtualHosts = [RouteTables.Host("h", ["*"], route)] }, Re2Syntax.Read, out _, out var errors);
        return [.. errors.Select(static error => error.Path)];
    }
}

using System.Buffers;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;

namespace KubeProxyNet.Proxy.Tests.Routing;

/// <summary>Targets, hosts and clusters of forwarded requests.</summary>
public sealed class RewriteTests
{
    private static readonly SingleCluster Cluster = new("c");

    private static RouteTable Table(PathSpecifier path, ForwardAction action, bool caseSensitive = true) => RouteTables.Of(new Route
    {
        Match = new RouteMatch { Path = path, CaseSensitive = caseSensitive },
        Action = action,
    });

    private static string Target(PathSpecifier path, ForwardAction action, string target, bool caseSensitive = true)
    {
        var head = RequestHeads.Create("GET", target, "host");
        var output = new ArrayBufferWriter<byte>();
        Table(path, action, caseSensitive).Match(head).Route.Forward!.WriteTarget(head, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static string? Host(ForwardAction action, RequestHead head)
    {
        var result = Table(new PrefixPath("/"), action).Match(head);
        var output = new ArrayBufferWriter<byte>();
        return result.Route.Forward!.TryWriteHost(head, result.PickCluster(), output) ? Encoding.UTF8.GetString(output.WrittenSpan) : null;
    }

    public static TheoryData<PathSpecifier, string, string, string> Prefixes => new()
    {
        { new PrefixPath("/a/"), "/", "/a/b?q", "/b?q" },
        { new PrefixPath("/a"), "/", "/a/b", "//b" },
        { new PrefixPath("/a"), "/x", "/a?q", "/x?q" },
        { new PrefixPath("/"), "/x/", "/a", "/x/a" },
        { new SeparatedPrefixPath("/a"), "/x", "/a/b", "/x/b" },
        { new ExactPath("/a"), "/x", "/a?q", "/x?q" },
        { new RegexPath("/a/.*"), "/x", "/a/b?q", "/x?q" },
    };

    [Theory]
    [MemberData(nameof(Prefixes))]
    public void A_prefix_rewrite_replaces_what_the_route_matched(PathSpecifier path, string rewrite, string target, string expected) =>
        Target(path, new ForwardAction { Cluster = Cluster, PrefixRewrite = rewrite }, target).Should().Be(expected);

    [Fact]
    public void A_prefix_rewrite_replaces_a_match_in_any_case() =>
        Target(new PrefixPath("/api/"), new ForwardAction { Cluster = Cluster, PrefixRewrite = "/" }, "/API/x", caseSensitive: false).Should().Be("/x");

    [Theory]
    [InlineData("^/service/([^/]+)(/.*)$", @"\2/instance/\1", "/service/foo/v1/api?a=b", "/v1/api/instance/foo?a=b")]
    [InlineData("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz")]
    [InlineData("^(.*?)one(.*)$", @"\1two\2", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz")]
    [InlineData("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb")]
    [InlineData("x*", "-", "/axb", "-/-a-b-")]
    [InlineData("a", @"\\\0", "/a", @"/\a")]
    [InlineData("none", "x", "/a?none", "/a?none")]
    [InlineData(".*", "", "/a?q", "/?q")]
    public void A_regex_rewrite_replaces_all_matches_in_the_path(string pattern, string substitution, string target, string expected) =>
        Target(new PrefixPath("/"), new ForwardAction { Cluster = Cluster, RegexRewrite = new(pattern, substitution) }, target).Should().Be(expected);

    [Fact]
    public void Without_rewrite_the_target_stays()
    {
        var action = new ForwardAction { Cluster = Cluster };
        Target(new PrefixPath("/"), action, "/a?b").Should().Be("/a?b");
        Table(new PrefixPath("/"), action).Match(RequestHeads.Get("http://h/")).Route.Forward!.RewritesTarget.Should().BeFalse();
    }

    [Fact]
    public void Host_is_rewritten_from_what_the_route_names()
    {
        var head = RequestHeads.Get("http://old/path/x?q", "x-host: from.header");
        var action = new ForwardAction { Cluster = Cluster };
        Host(action, head).Should().BeNull();
        Host(action with { HostRewrite = new HostRewriteLiteral("new") }, head).Should().Be("new");
        Host(action with { HostRewrite = new HostRewriteHeader("X-Host") }, head).Should().Be("from.header");
        Host(action with { HostRewrite = new HostRewriteHeader("x-missing") }, head).Should().BeNull();
        Host(action with { HostRewrite = new HostRewritePathRegex(new("^/(.+)/.+$", @"\1")) }, head).Should().Be("path");
        Host(action with { HostRewrite = new AutoHostRewrite() }, head).Should().BeNull();
    }

    [Fact]
    public void Host_of_a_weighted_choice_yields_to_the_route()
    {
        var weighted = new WeightedClusters([new WeightedCluster { Name = "a", Weight = 1, HostRewriteLiteral = "choice" }]);
        var head = RequestHeads.Get("http://old/");
        Host(new ForwardAction { Cluster = weighted }, head).Should().Be("choice");
        Host(new ForwardAction { Cluster = weighted, HostRewrite = new HostRewriteLiteral("route") }, head).Should().Be("route");
    }

    [Fact]
    public void Clusters_are_chosen_by_weight()
    {
        var weighted = new WeightedClusters([
            new WeightedCluster { Name = "a", Weight = 1 },
            new WeightedCluster { Name = "never", Weight = 0 },
            new WeightedCluster { Name = "b", Weight = 3 },
        ]);
        var table = Table(new PrefixPath("/"), new ForwardAction { Cluster = weighted });
        var head = RequestHeads.Get("http://h/");
        Enumerable.Range(0, 8).Select(random => table.Cluster(head, (ulong)random)).Should().Equal("a", "b", "b", "b", "a", "b", "b", "b");
        table.ClusterNames.Should().Equal("a", "never", "b");
        table.Match(head, 1).PickCluster().Ordinal.Should().Be(2);
    }

    [Fact]
    public void A_header_can_name_the_cluster()
    {
        var table = Table(new PrefixPath("/"), new ForwardAction { Cluster = new ClusterFromHeader("X-Cluster") });
        var head = RequestHeads.Get("http://h/", "x-cluster: first", "x-cluster: second");
        var target = table.Match(head).PickCluster();
        target.Ordinal.Should().Be(-1);
        Encoding.UTF8.GetString(target.NameFrom(head)).Should().Be("first");
        target.NameFrom(RequestHeads.Get("http://h/")).IsEmpty.Should().BeTrue();
    }

    [Fact]
    public void Defaults_are_envoys()
    {
        var action = new ForwardAction { Cluster = Cluster };
        action.Timeout.Should().Be(TimeSpan.FromSeconds(15));
        action.ClusterNotFoundResponseCode.Should().Be(503);
        new RetryPolicy().NumRetries.Should().Be(1);
        new RedirectAction().ResponseCode.Should().Be(301);
    }

    [Fact]
    public void The_retry_policy_of_the_route_goes_before_the_virtual_hosts()
    {
        var own = new RetryPolicy { RetryOn = RetryOn.Reset };
        var parents = new RetryPolicy { RetryOn = RetryOn.ConnectFailure };
        Route With(string prefix, RetryPolicy? policy) => new()
        {
            Match = new RouteMatch { Path = new PrefixPath(prefix) },
            Action = new ForwardAction { Cluster = Cluster, RetryPolicy = policy },
        };
        var table = RouteTables.Of(RouteTables.Host("h", ["*"], With("/own", own), With("/", null)) with { RetryPolicy = parents });
        table.Match(RequestHeads.Get("http://h/own")).Route.Forward!.RetryPolicy.Should().Be(own);
        table.Match(RequestHeads.Get("http://h/")).Route.Forward!.RetryPolicy.Should().Be(parents);
    }
}

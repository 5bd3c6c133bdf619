using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>What routes do with requests, seen from both ends.</summary>
public sealed class RouteActionTests
{
    [Theory]
    [InlineData("", "outer.test")]
    [InlineData("x-forwarded-host: first.test\r\nX-Forwarded-Host: second.test\r\n", "first.test,second.test,outer.test")]
    public async Task A_host_that_is_replaced_is_told_where_that_is_asked_for(string fields, string expected)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { HostRewrite = new HostRewriteLiteral("inner.test"), AppendXForwardedHost = true }),
            [RunningProxy.Cluster("backend", backend.Port)]);
        await RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: outer.test\r\nconnection: close\r\n{fields}\r\n");
        var sent = backend.Requests.Single();
        sent.Headers["host"].Should().Be("inner.test");
        sent.Headers.All("x-forwarded-host").Should().Equal(expected);
    }

    [Fact]
    public async Task A_prefix_and_the_host_are_rewritten()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route
            {
                Match = new RouteMatch { Path = new PrefixPath("/api/") },
                Action = new ForwardAction { Cluster = new SingleCluster("backend"), PrefixRewrite = "/", HostRewrite = new HostRewriteLiteral("inner.example") },
            }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var echoed = EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port, "/api/v1?x=/api/", "outer.example"));

        echoed.Target.Should().Be("/v1?x=/api/");
        echoed.Headers["host"].Should().Be("inner.example");
    }

    [Fact]
    public async Task A_rewrite_may_be_longer_than_the_head_that_came()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", forward => forward with { RegexRewrite = new RegexSubstitution("(.+)", @"\1\1\1\1\1\1\1\1\1\1\1\1") }),
            [RunningProxy.Cluster("backend", backend.Port)]);
        var path = "/" + new string('p', 40_000);

        EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port, path)).Target.Should().HaveLength(12 * path.Length);
    }

    [Fact]
    public async Task A_redirect_is_answered_here()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new RedirectAction { HttpsRedirect = true, ResponseCode = 308 } }), []);

        var response = await RawHttpClient.GetAsync(proxy.Port, "/a?b=c", "example.com");

        response.Status.Should().Be(308);
        response.Headers["location"].Should().Be("https://example.com/a?b=c");
        response.Headers["content-length"].Should().Be("0");
        (await proxy.LogAsync()).Should().Be("GET /a?b=c 308 - direct_response 0 0");
    }

    [Theory]
    [InlineData("GET", "hello")]
    [InlineData("HEAD", "")]
    public async Task A_direct_response_is_answered_here(string method, string body)
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new DirectResponseAction(200, "hello"u8.ToArray()) }), []);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 2; i++)
        {
            await client.SendAsync($"{method} / HTTP/1.1\r\nhost: a\r\n\r\n");
            var response = await client.ReadResponseAsync(method);
            response.BodyText.Should().Be(body);
            response.Headers["content-length"].Should().Be("5");
        }
    }

    [Fact]
    public async Task No_route_is_answered_404_NR()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(new Route { Match = new RouteMatch { Path = new PrefixPath("/known") }, Action = new DirectResponseAction(200) }), []);

        (await RawHttpClient.GetAsync(proxy.Port, "/other")).Status.Should().Be(404);

        (await proxy.LogAsync()).Should().Be("GET /other 404 NR route_not_found 0 0");
        proxy.Stat("http.test.no_route").Should().Be(1);
    }

    [Fact]
    public async Task Weighted_clusters_share_requests_by_weight()
    {
        await using var heavy = ScriptedBackend.Start(BackendScripts.Answer(200, "heavy"));
        await using var light = ScriptedBackend.Start(BackendScripts.Answer(200, "light"));
        var choice = new WeightedClusters([new WeightedCluster { Name = "heavy", Weight = 90 }, new WeightedCluster { Name = "light", Weight = 10 }]);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("heavy", forward => forward with { Cluster = choice }),
            [RunningProxy.Cluster("heavy", heavy.Port), RunningProxy.Cluster("light", light.Port)]);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 500; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await client.ReadResponseAsync();
        }

        // Ten standard deviations around the mean of 50.
        light.Requests.Count.Should().BeInRange(1, 117);
        (heavy.Requests.Count + light.Requests.Count).Should().Be(500);
    }

    [Fact]
    public async Task Endpoints_take_turns()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(one.Port, two.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        for (var i = 0; i < 20; i++)
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await client.ReadResponseAsync();
        }

        one.Requests.Should().HaveCount(10);
        two.Requests.Should().HaveCount(10);
    }
}

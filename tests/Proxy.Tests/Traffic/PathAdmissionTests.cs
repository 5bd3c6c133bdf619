using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>One path for all: the route that matched, the log and the backend agree on it, and on the host.</summary>
public sealed class PathAdmissionTests
{
    private static HttpConnectionManagerConfig Strict(HttpConnectionManagerConfig http) =>
        http with { NormalizePath = true, MergeSlashes = true, PathWithEscapedSlashes = EscapedSlashesAction.RejectRequest };

    [Theory]
    [InlineData("/public/../admin?x=/../y", "/admin?x=/../y", "admin")]
    [InlineData("/public/%2e%2e/%61dmin", "/admin", "admin")]
    [InlineData("//admin//a", "/admin/a", "admin")]
    [InlineData("/public\\..\\admin", "/admin", "admin")]
    [InlineData("/admin/../public", "/public", "rest")]
    [InlineData("/public/..;/admin", "/admin", "admin")]
    [InlineData("/admin;x", "/admin;x", "rest")]
    [InlineData("http://b/x/../admin/", "/admin/", "admin")]
    [InlineData("http://b", "/", "rest")]
    public async Task What_is_matched_is_what_is_logged_and_forwarded(string target, string forwarded, string backend)
    {
        await using var admin = ScriptedBackend.Start(BackendScripts.Echo());
        await using var rest = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Routing(admin, rest, Strict);

        var response = await RawHttpClient.GetAsync(proxy.Port, target);

        EchoedRequest.From(response).Target.Should().Be(forwarded);
        (backend == "admin" ? admin : rest).Requests.Should().HaveCount(1);
        (await proxy.LogAsync()).Should().StartWith($"GET {forwarded} 200 ");
    }

    [Theory]
    [InlineData("/admin%2fx")]
    [InlineData("/public/..%2fadmin")]
    [InlineData("/public%5c..%5cadmin")]
    [InlineData("/../admin")]
    [InlineData("/a%00b/../c")]
    [InlineData("/%c0%afadmin")]
    public async Task A_path_that_is_refused_reaches_nobody_and_the_connection_goes_on(string target)
    {
        await using var admin = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Routing(admin, admin, Strict);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync($"GET {target} HTTP/1.1\r\nhost: a\r\n\r\nGET /next HTTP/1.1\r\nhost: a\r\n\r\n");

        var refused = await client.ReadResponseAsync();
        refused.Status.Should().Be(400);
        refused.BodyText.Should().BeEmpty();
        EchoedRequest.From(await client.ReadResponseAsync()).Target.Should().Be("/next");
        (await proxy.LogAsync()).Should().Be($"GET {target} 400 - path_normalization_failed 0 0");
        proxy.Stat("http.test.downstream_rq_failed_path_normalization").Should().Be(1);
    }

    [Fact]
    public async Task A_client_is_sent_to_the_unescaped_path_unless_it_speaks_grpc()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("none"), [], static http => http with { PathWithEscapedSlashes = EscapedSlashesAction.UnescapeAndRedirect, MergeSlashes = true });

        var redirected = await RawHttpClient.GetAsync(proxy.Port, "/a%2F%2fb?c=%2F");
        var grpc = await RawHttpClient.ExchangeAsync(proxy.Port, "POST /a%2Fb HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc+proto\r\ncontent-length: 0\r\n\r\n");

        redirected.Status.Should().Be(307);
        redirected.Headers["location"].Should().Be("/a/b?c=%2F");
        grpc.Status.Should().Be(200);
        grpc.Headers["grpc-status"].Should().Be("13", "400 is an internal error to gRPC");
        (await proxy.LogAsync()).Should().Contain(" 307 - path_normalization_failed ");
        proxy.Stat("http.test.downstream_rq_redirected_with_normalized_path").Should().Be(1);
        proxy.Stat("http.test.downstream_rq_failed_path_normalization").Should().Be(1);
    }

    [Fact]
    public async Task Without_settings_a_path_stays_as_it_came()
    {
        const string Target = "/a/../b//c/%2e%2E/%2F\\?d";
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port);

        EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port, Target)).Target.Should().Be(Target);
    }

    [Fact]
    public async Task It_does_not_matter_where_the_request_is_split()
    {
        const string Request = "POST /x/%2e%2e/a//b?c=//d HTTP/1.1\r\nhost: a.com.:1\r\nx-a: 1\r\ncontent-length: 3\r\n\r\nabc";
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.To(backend.Port, static http => Strict(http) with { StripHostPort = StripPortMode.Any, StripTrailingHostDot = true });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        for (var cut = 1; cut < Request.Length; cut++)
        {
            await client.SendSplitAsync(Request, cut);

            var echoed = EchoedRequest.From(await client.ReadResponseAsync());
            echoed.Target.Should().Be("/a/b?c=//d");
            echoed.Headers["host"].Should().Be("a.com");
            echoed.Body.Should().Be("abc");
        }
    }

    [Fact]
    public async Task A_host_is_matched_and_forwarded_without_what_is_taken_off()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var table = RouteTable.Compile(new RouteConfiguration
        {
            Name = "test",
            VirtualHosts =
            [
                new VirtualHost
                {
                    Name = "h",
                    Domains = ["example.com"],
                    Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }],
                },
            ],
        }, KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        await using var proxy = RunningProxy.Start(
            table, [RunningProxy.Cluster("backend", backend.Port)], static http => http with { StripHostPort = StripPortMode.Matching, StripTrailingHostDot = true });

        EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port, host: $"example.com.:{proxy.Port}")).Headers["host"].Should().Be("example.com");
        (await RawHttpClient.GetAsync(proxy.Port, host: "example.com:1")).Status.Should().Be(404);
        EchoedRequest.From(await RawHttpClient.GetAsync(proxy.Port, $"http://example.com:{proxy.Port}/x", host: "other")).Headers["host"].Should().Be("example.com");
    }

    private static RunningProxy Routing(ScriptedBackend admin, ScriptedBackend rest, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> configure) => RunningProxy.Start(
        RunningProxy.Table(
            new Route { Match = new RouteMatch { Path = new SeparatedPrefixPath("/admin") }, Action = new ForwardAction { Cluster = new SingleCluster("admin") } },
            new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("rest") } }),
        [RunningProxy.Cluster("admin", admin.Port), RunningProxy.Cluster("rest", rest.Port)],
        configure);
}

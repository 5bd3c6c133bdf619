using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The smaller settings of routes: own statistics, virtual clusters, internal headers, a client's own random number.</summary>
public sealed class RouteSettingsTests
{
    private static readonly HeaderMatcher IsPost = new() { Name = ":method", Match = new HeaderString(StringMatcher.Exact("POST")) };

    private static RouteTable Routes(Func<RouteConfiguration, RouteConfiguration>? all = null, Func<VirtualHost, VirtualHost>? host = null, ForwardAction? action = null)
    {
        var virtualHost = new VirtualHost
        {
            Name = "shop",
            Domains = ["*"],
            Routes = [new Route { StatPrefix = "cart", Match = new RouteMatch { Path = new PrefixPath("/cart") }, Action = Action() }, new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = Action() }],
        };
        var configuration = new RouteConfiguration { VirtualHosts = [host?.Invoke(virtualHost) ?? virtualHost] };
        return RouteTable.Compile(all?.Invoke(configuration) ?? configuration);

        ForwardAction Action() => action ?? new ForwardAction { Cluster = new SingleCluster("backend") };
    }

    private static Task<RawResponse> SendAsync(RunningProxy proxy, string method, string path, string headers = "") =>
        RawHttpClient.ExchangeAsync(proxy.Port, $"{method} {path} HTTP/1.1\r\nhost: a\r\n{headers}connection: close\r\n\r\n");

    [Fact]
    public async Task A_route_with_a_stat_prefix_is_counted_by_itself()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(201));
        await using var proxy = RunningProxy.Start(Routes(), [RunningProxy.Cluster("backend", backend.Port)]);

        await SendAsync(proxy, "GET", "/cart");
        await SendAsync(proxy, "GET", "/cart/7");
        await SendAsync(proxy, "GET", "/other");

        await proxy.LogLinesAsync(3);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_total").Should().Be(2);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_2xx").Should().Be(2);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_201").Should().Be(2);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_timeout").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(3);
    }

    [Fact]
    public async Task Timeouts_and_retries_of_a_route_are_counted()
    {
        var answers = 0;
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest((connection, request) => request.Target == "/cart/hang"
            ? Task.Delay(Timeout.Infinite, connection.Stopping)
            : connection.SendAsync(Interlocked.Increment(ref answers) % 2 == 1 ? "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")));
        var retries = new RetryPolicy { RetryOn = RetryOn.ServerError, BackOffBase = TimeSpan.FromMilliseconds(1) };
        var routes = Routes(action: new ForwardAction { Cluster = new SingleCluster("backend"), RetryPolicy = retries, Timeout = TimeSpan.FromMilliseconds(500) });
        await using var proxy = RunningProxy.Start(routes, [RunningProxy.Cluster("backend", backend.Port)]);

        (await SendAsync(proxy, "GET", "/cart")).Status.Should().Be(200);
        (await SendAsync(proxy, "GET", "/cart/hang")).Status.Should().Be(504);

        await proxy.LogLinesAsync(2);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_retry").Should().Be(1);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_retry_success").Should().Be(1);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_timeout").Should().Be(1);
        proxy.Stat("vhost.shop.route.cart.upstream_rq_504").Should().Be(1);
    }

    [Fact]
    public async Task Virtual_clusters_count_what_their_matchers_find_and_the_rest_as_other()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var routes = Routes(host: static host => host with { VirtualClusters = [new VirtualCluster("orders", [IsPost]), new VirtualCluster("never", [IsPost])] });
        await using var proxy = RunningProxy.Start(
            routes,
            [RunningProxy.Cluster("backend", backend.Port)],
            static http => http with { AccessLogs = [http.AccessLogs[0] with { Format = AccessLogFormat.Parse("%VIRTUAL_CLUSTER_NAME%\n") }] });

        await SendAsync(proxy, "POST", "/");
        await SendAsync(proxy, "GET", "/");

        (await proxy.LogLinesAsync(2)).Should().Equal("orders", "other");
        proxy.Stat("vhost.shop.vcluster.orders.upstream_rq_total").Should().Be(1);
        proxy.Stat("vhost.shop.vcluster.orders.upstream_rq_200").Should().Be(1);
        proxy.Stat("vhost.shop.vcluster.never.upstream_rq_total").Should().Be(0);
        proxy.Stat("vhost.shop.vcluster.other.upstream_rq_total").Should().Be(1);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, "1")]
    public async Task Headers_for_internal_clients_are_taken_from_all_others(bool isInternal, string? forwarded)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(
            Routes(static routes => routes with { InternalOnlyHeaders = ["X-Secret", "user-agent"] }),
            [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { InternalAddresses = isInternal ? [new CidrRange(IPAddress.Loopback, 8)] : [] });

        (await SendAsync(proxy, "GET", "/", "x-secret: 1\r\nuser-agent: 1\r\nx-secre: 3\r\n")).Status.Should().Be(200);

        backend.Requests.Single().Headers["x-secret"].Should().Be(forwarded);
        backend.Requests.Single().Headers["user-agent"].Should().Be(forwarded);
        backend.Requests.Single().Headers["x-secre"].Should().Be("3");
    }

    [Theory]
    [InlineData("x-draw: 0\r\n", "a")]
    [InlineData("x-draw: 104\r\n", "a")]
    [InlineData("x-draw: 5\r\n", "b")]
    [InlineData("x-draw: 18446744073709551615\r\n", "b")]
    public async Task A_header_may_choose_among_weighted_clusters(string header, string expected)
    {
        await using var a = ScriptedBackend.Start(BackendScripts.Answer(200, "a"));
        await using var b = ScriptedBackend.Start(BackendScripts.Answer(200, "b"));
        var weighted = new WeightedClusters([new WeightedCluster { Name = "a", Weight = 5 }, new WeightedCluster { Name = "b", Weight = 95 }]) { HeaderName = "X-Draw" };
        await using var proxy = RunningProxy.Start(
            Routes(action: new ForwardAction { Cluster = weighted }), [RunningProxy.Cluster("a", a.Port), RunningProxy.Cluster("b", b.Port)]);

        for (var i = 0; i < 5; i++)
        {
            (await SendAsync(proxy, "GET", "/", header)).BodyText.Should().Be(expected);
        }
    }

    [Theory]
    [InlineData("x-draw: 0\r\nx-draw: 0\r\n")]
    [InlineData("x-draw: zero\r\n")]
    [InlineData("x-draw: -1\r\n")]
    public async Task A_header_that_is_no_number_leaves_it_to_chance(string header)
    {
        await using var b = ScriptedBackend.Start(BackendScripts.Answer(200, "b"));
        var weighted = new WeightedClusters([new WeightedCluster { Name = "a", Weight = 1 }, new WeightedCluster { Name = "b", Weight = uint.MaxValue - 1 }]) { HeaderName = "x-draw" };
        await using var proxy = RunningProxy.Start(Routes(action: new ForwardAction { Cluster = weighted }), [RunningProxy.Cluster("b", b.Port)]);

        (await SendAsync(proxy, "GET", "/", header)).BodyText.Should().Be("b");
    }

    [Fact]
    public async Task Control_headers_end_here_also_with_an_upgrade()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        await using var proxy = RunningProxy.Start(
            Routes(),
            [RunningProxy.Cluster("backend", backend.Port)],
            static http => http with { InternalAddresses = [new CidrRange(IPAddress.Loopback, 8)], Upgrades = [new UpgradeConfig("websocket")] });

        await RawHttpClient.ExchangeAsync(
            proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-envoy-upstream-rq-timeout-ms: 5000\r\nx-envoy-retry-on: 5xx\r\n\r\n");

        backend.Requests.Single().Headers.Contains("upgrade").Should().BeTrue();
        backend.Requests.Single().Headers.Contains("x-envoy-upstream-rq-timeout-ms").Should().BeFalse();
        backend.Requests.Single().Headers.Contains("x-envoy-retry-on").Should().BeFalse();
    }
}

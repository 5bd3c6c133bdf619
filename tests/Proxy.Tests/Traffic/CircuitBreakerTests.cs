using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>The limits of a cluster (Envoy documentation, "Circuit breaking").</summary>
public sealed class CircuitBreakerTests
{
    private const string Request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    [Fact]
    public async Task A_request_too_many_is_answered_503_UO_and_tells_that_it_was_overload()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(new CircuitBreakerThresholds { MaxRequests = 2, TrackRemaining = true }, backend.Port);
        await using (var first = await RawHttpClient.ConnectAsync(proxy.Port))
        await using (var second = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await first.SendAsync(Request);
            await second.SendAsync(Request);
            await backend.WaitForRequestsAsync(2);
            Breaker(proxy, "rq_open").Should().Be(1);
            Breaker(proxy, "remaining_rq").Should().Be(0);

            var response = await RawHttpClient.GetAsync(proxy.Port);

            response.Status.Should().Be(503);
            response.BodyText.Should().Be("upstream connect error or disconnect/reset before headers. reset reason: overflow");
            response.Headers["x-envoy-overloaded"].Should().Be("true");
            (await proxy.LogAsync()).Should().StartWith("GET / 503 UO upstream_reset_before_response_started{overflow} ");
            proxy.Stat("cluster.backend.upstream_rq_pending_overflow").Should().Be(1);
        }

        await proxy.LogAsync(3);
        Breaker(proxy, "rq_open").Should().Be(0);
        Breaker(proxy, "remaining_rq").Should().Be(2);
        backend.Requests.Should().HaveCount(2);
    }

    [Fact]
    public async Task Requests_wait_for_a_connection_in_order_of_arrival()
    {
        var order = new List<string>();
        var mayAnswer = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, request) =>
        {
            lock (order)
            {
                order.Add(request.Target);
            }

            await mayAnswer.WaitAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }));
        await using var proxy = Start(new CircuitBreakerThresholds { MaxConnections = 1 }, backend.Port);
        await using var clients = new DisposableCollection<RawHttpClient>();
        for (var i = 0; i < 10; i++)
        {
            clients.Add(await RawHttpClient.ConnectAsync(proxy.Port));
            await clients[i].SendAsync($"GET /{i} HTTP/1.1\r\nhost: a\r\n\r\n");
            var waiting = i;
            await Patience.UntilAsync(
                () => proxy.Stat("http.test.downstream_rq_active") == waiting + 1 && proxy.Stat("cluster.backend.upstream_rq_pending_active") >= waiting - 1, "the request");
        }

        await backend.WaitForRequestsAsync(1);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 9, "nine that wait");
        Breaker(proxy, "cx_open").Should().Be(1);
        mayAnswer.Set();
        foreach (var client in clients)
        {
            (await client.ReadResponseAsync()).Status.Should().Be(200);
        }

        order.Should().Equal(Enumerable.Range(0, 10).Select(static i => $"/{i}"));
        backend.Connections.Should().HaveCount(1);
        proxy.Stat("cluster.backend.upstream_cx_overflow").Should().Be(9);
        proxy.Stat("cluster.backend.upstream_rq_pending_active").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(1);
    }

    [Fact]
    public async Task Connections_to_one_endpoint_have_a_limit_of_their_own_over_all_workers_and_others_are_not_held_up()
    {
        await using var full = ScriptedBackend.Start(BackendScripts.Hang());
        await using var free = ScriptedBackend.Start(BackendScripts.Hang());
        var cluster = RunningProxy.Cluster("backend", full.Port, free.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxConnectionsPerHost = 2 } } };
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend", static action => action with { Timeout = TimeSpan.Zero }), [cluster]);
        await using var clients = new DisposableCollection<RawHttpClient>();
        for (var i = 0; i < 8; i++)
        {
            clients.Add(await RawHttpClient.ConnectAsync(proxy.Port));
            await clients[i].SendAsync(Request);
        }

        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 4, "four that wait");
        await full.WaitForRequestsAsync(2);
        await free.WaitForRequestsAsync(2);
        full.Connections.Should().HaveCount(2);
        free.Connections.Should().HaveCount(2);
        proxy.Stat("cluster.backend.upstream_cx_overflow").Should().Be(4);
        Breaker(proxy, "cx_open").Should().Be(0, "the cluster as a whole has room");
        await clients.DisposeAsync();

        // What closed has given its place back.
        await proxy.LogAsync(8);
        full.Script = BackendScripts.Answer(200);
        free.Script = BackendScripts.Answer(200);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task One_that_waits_takes_the_place_of_a_connection_that_ends()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.CloseAfter("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 57), BackendScripts.Answer(200)));
        await using var proxy = Start(new CircuitBreakerThresholds { MaxConnections = 1 }, backend.Port);
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port);
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);
        await first.SendAsync(Request);
        await second.SendAsync(Request);
        (await first.ReadResponseAsync()).Status.Should().Be(200);
        (await second.ReadResponseAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_request_that_may_not_wait_is_refused_and_one_that_leaves_makes_room()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(new CircuitBreakerThresholds { MaxConnections = 1, MaxPendingRequests = 1 }, backend.Port);
        await using var served = await RawHttpClient.ConnectAsync(proxy.Port);
        await served.SendAsync(Request);
        await backend.WaitForRequestsAsync(1);
        await using (var waiting = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await waiting.SendAsync(Request);
            await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 1, "one that waits");
            Breaker(proxy, "rq_pending_open").Should().Be(1);
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
        }

        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_pending_active") == 0, "the end of the wait");
        Breaker(proxy, "rq_pending_open").Should().Be(0);
        backend.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task Each_priority_has_limits_of_its_own()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRequests = 0 } } };
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(
                new Route { Match = new RouteMatch { Path = new PrefixPath("/high") }, Action = new ForwardAction { Cluster = new SingleCluster("backend"), Priority = RoutingPriority.High } },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }),
            [cluster]);

        (await RawHttpClient.GetAsync(proxy.Port, "/high")).Status.Should().Be(200);
        (await RawHttpClient.GetAsync(proxy.Port, "/other")).Status.Should().Be(503);
    }

    [Fact]
    public async Task A_changed_cluster_shows_its_new_limits_and_none_of_the_old_ones()
    {
        await using var proxy = Start(new CircuitBreakerThresholds { MaxRequests = 7, TrackRemaining = true }, port: 1);
        Breaker(proxy, "remaining_rq").Should().Be(7);
        var cluster = RunningProxy.Cluster("backend", 1);
        cluster = cluster with { Config = cluster.Config with { AltStatName = "other" } };

        proxy.Engine.Apply(new ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = cluster } }).Should().BeEmpty();

        var names = proxy.Stats.Collect().Values.Select(static stat => stat.Name).Where(static name => name.Contains("circuit_breakers", StringComparison.Ordinal)).ToArray();
        names.Should().NotBeEmpty().And.OnlyContain(static name => name.StartsWith("cluster.other.", StringComparison.Ordinal) && !name.Contains("remaining", StringComparison.Ordinal));
    }

    private static long Breaker(RunningProxy proxy, string name) => proxy.Stat($"cluster.backend.circuit_breakers.default.{name}");

    private static RunningProxy Start(CircuitBreakerThresholds thresholds, int port)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        return RunningProxy.Start(RunningProxy.Everything("backend"), [cluster with { Config = cluster.Config with { DefaultThresholds = thresholds } }]);
    }
}

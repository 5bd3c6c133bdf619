using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Proxy.Explain;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Request mirroring (Envoy's config.route.v3.RouteAction.RequestMirrorPolicy, "shadowing").</summary>
public sealed class MirrorTests
{
    private const string Get = "GET /a?b HTTP/1.1\r\nhost: a.test:81\r\nx-to: mirror\r\nconnection: close\r\n\r\n";

    private static readonly RequestMirrorPolicy Everything = new() { Cluster = "mirror" };

    private static RouteTable Routes(params RequestMirrorPolicy[] policies) => Routes(null, policies);

    private static RouteTable Routes(TimeSpan? timeout, RequestMirrorPolicy[] policies) => RunningProxy.Table(new Route
    {
        Match = new RouteMatch { Path = new PrefixPath("/") },
        RequestHeaders = new HeaderRules { Add = [new HeaderValueOption { Name = "x-added", Value = "%PROTOCOL%" }] },
        Action = new ForwardAction { Cluster = new SingleCluster("backend"), MirrorPolicies = [.. policies], Timeout = timeout ?? TimeSpan.FromSeconds(15) },
    });

    private static Task WaitForAsync(RunningProxy proxy, string stat, long value = 1) =>
        Patience.UntilAsync(() => Task.FromResult(proxy.Stat(stat) >= value), stat);

    [Fact]
    public async Task A_copy_goes_as_the_request_went_but_for_its_host()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "main"));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(500, "never seen"));
        await using var proxy = RunningProxy.Start(Routes(Everything), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);

        var response = await RawHttpClient.ExchangeAsync(proxy.Port, Get);

        response.Status.Should().Be(200);
        response.BodyText.Should().Be("main");
        var copy = (await mirror.WaitForRequestsAsync(1))[0];
        var original = backend.Requests.Single();
        copy.Headers["host"].Should().Be("a.test-shadow:81");
        copy.Headers["x-added"].Should().Be("HTTP/1.1");
        copy.HeadText.Replace("-shadow", "").Split("\r\n").Should().BeEquivalentTo(original.HeadText.Split("\r\n"));
        await WaitForAsync(proxy, "cluster.mirror.upstream_rq_500");
        proxy.Stat("cluster.mirror.upstream_rq_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(1);
        proxy.Stat("http.test.downstream_rq_total").Should().Be(1);
        (await proxy.LogAsync()).Should().StartWith("GET /a?b 200 - via_upstream");
    }

    [Fact]
    public async Task What_becomes_of_copies_counts_for_outlier_detection_of_their_cluster()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(500));
        var copies = RunningProxy.Cluster("mirror", mirror.Port);
        copies = copies with { Config = copies.Config with { OutlierDetection = new OutlierDetectionConfig { Consecutive5xx = 2, MaxEjectionPercent = 100 } } };
        await using var proxy = RunningProxy.Start(Routes(Everything), [RunningProxy.Cluster("backend", backend.Port), copies]);
        for (var i = 0; i < 2; i++)
        {
            (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);
            await mirror.WaitForRequestsAsync(i + 1);
        }

        await WaitForAsync(proxy, "cluster.mirror.outlier_detection.ejections_enforced_consecutive_5xx");
        await Patience.UntilAsync(() => proxy.Stat("cluster.mirror.membership_healthy") == 0, "the endpoint to count as unhealthy");
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 11\r\n\r\n", "hello world")]
    [InlineData("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n", "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")]
    public async Task The_body_goes_along_whether_it_comes_with_the_head_or_later(string head, string body)
    {
        foreach (var isSplit in (bool[])[false, true])
        {
            await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
            await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
            await using var proxy = RunningProxy.Start(Routes(Everything, Everything), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync(isSplit ? head : head + body);
            if (isSplit)
            {
                await backend.WaitForConnectionAsync(1);
                await client.SendByteByByteAsync(body);
            }

            (await client.ReadResponseAsync("POST")).Status.Should().Be(200);

            (await mirror.WaitForRequestsAsync(2)).Select(static request => request.BodyText).Should().Equal("hello world", "hello world");
            await WaitForAsync(proxy, "cluster.mirror.upstream_rq_200", 2);
        }
    }

    [Fact]
    public async Task A_fraction_a_header_and_a_missing_cluster_decide_what_is_copied()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        var routes = Routes(
            Everything with { Fraction = new RuntimeFraction(0) },
            new RequestMirrorPolicy { ClusterHeader = "x-to", DisablesShadowHostSuffix = true },
            new RequestMirrorPolicy { ClusterHeader = "x-none" },
            new RequestMirrorPolicy { Cluster = "missing" },
            Everything with { Fraction = new RuntimeFraction(1_000_000, 1_000_000) });
        await using var proxy = RunningProxy.Start(routes, [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);

        await WaitForAsync(proxy, "cluster.mirror.upstream_rq_200", 2);
        mirror.Requests.Select(static request => request.Headers["host"]).Should().BeEquivalentTo("a.test:81", "a.test-shadow:81");
        proxy.Stat("http.test.no_cluster").Should().Be(0);
        var said = Explainer.Explain(proxy.Engine.Snapshot, ExplainRequest.Parse("http://a.test/", "GET", ["x-to: mirror"], "test", out _)!);
        said.Forward!.Mirrors.Should().Equal(
            new ExplainedMirror("mirror", 0, true), new ExplainedMirror("mirror", 100, true), new ExplainedMirror("", 100, false), new ExplainedMirror("missing", 100, false), new ExplainedMirror("mirror", 100, true));
        ExplanationText.Of(said).Should().Contain("mirror     missing, no such cluster").And.Contain("x-added: HTTP/1.1");
    }

    [Fact]
    public async Task A_share_of_requests_is_copied()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(
            Routes(Everything with { Fraction = new RuntimeFraction(25) }), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            for (var i = 0; i < 400; i++)
            {
                await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
                (await client.ReadResponseAsync()).Status.Should().Be(200);
            }
        }

        await Patience.UntilAsync(() => Task.FromResult(proxy.Stat("cluster.mirror.upstream_rq_active") == 0), "the end of all copies");
        proxy.Stat("cluster.mirror.upstream_rq_total").Should().BeInRange(60, 140);
    }

    [Fact]
    public async Task A_mirror_that_does_not_answer_holds_up_nobody_and_ends_with_the_timeout_of_the_route()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = RunningProxy.Start(
            Routes(TimeSpan.FromMilliseconds(300), [Everything]), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);

        await WaitForAsync(proxy, "cluster.mirror.upstream_rq_504");
        proxy.Stat("cluster.mirror.upstream_rq_timeout").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_timeout").Should().Be(0);
    }

    [Fact]
    public async Task A_mirror_that_cannot_be_reached_or_answers_nonsense_fails_nothing()
    {
        using var dead = DeadPort.Refusing();
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.AnswerRaw("nonsense\r\n\r\n"));
        var routes = Routes(Everything, Everything with { Cluster = "dead" }, Everything with { Cluster = "empty" });
        await using var proxy = RunningProxy.Start(routes,
            [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port), RunningProxy.Cluster("dead", dead.Port), RunningProxy.Cluster("empty")]);

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);

        await WaitForAsync(proxy, "cluster.mirror.upstream_cx_protocol_error");
        await WaitForAsync(proxy, "cluster.dead.upstream_rq_503");
        await WaitForAsync(proxy, "cluster.empty.upstream_cx_none_healthy");
        (await proxy.LogAsync()).Should().Contain(" 200 - via_upstream");
    }

    [Fact]
    public async Task A_body_that_is_too_long_is_not_copied()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(Routes(Everything), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);
        var body = new string('x', (1024 * 1024) + 1);

        (await RawHttpClient.ExchangeAsync(proxy.Port, $"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {body.Length}\r\n\r\n{body}")).Status.Should().Be(200);

        backend.Requests.Single().Body.Length.Should().Be(body.Length);
        proxy.Stat("cluster.backend.retry_or_shadow_abandoned").Should().Be(1);
        proxy.Stat("cluster.mirror.upstream_rq_total").Should().Be(0);
    }

    [Fact]
    public async Task Circuit_breakers_of_the_mirror_hold()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        var closed = RunningProxy.Cluster("mirror", mirror.Port);
        closed = closed with { Config = closed.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRequests = 0 } } };
        await using var proxy = RunningProxy.Start(Routes(Everything), [RunningProxy.Cluster("backend", backend.Port), closed]);

        (await RawHttpClient.ExchangeAsync(proxy.Port, Get)).Status.Should().Be(200);

        await WaitForAsync(proxy, "cluster.mirror.upstream_rq_pending_overflow");
        mirror.Requests.Should().BeEmpty();
    }

    [Fact]
    public async Task A_request_that_is_never_complete_is_not_copied()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var mirror = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(Routes(Everything), [RunningProxy.Cluster("backend", backend.Port), RunningProxy.Cluster("mirror", mirror.Port)]);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
            await backend.WaitForConnectionAsync(1);
        }

        await proxy.LogAsync();
        proxy.Stat("cluster.mirror.upstream_rq_total").Should().Be(0);
    }

    [Fact]
    public void The_most_specific_policies_hold_alone()
    {
        static Route To(params string[] clusters) => new()
        {
            Match = new RouteMatch { Path = new PrefixPath("/") },
            Action = new ForwardAction { Cluster = new SingleCluster("c"), MirrorPolicies = [.. clusters.Select(static name => new RequestMirrorPolicy { Cluster = name })] },
        };
        var table = RouteTable.Compile(new RouteConfiguration
        {
            MirrorPolicies = [new RequestMirrorPolicy { Cluster = "all" }],
            VirtualHosts =
            [
                new VirtualHost { Name = "a", Domains = ["a"], MirrorPolicies = [new RequestMirrorPolicy { Cluster = "host" }], Routes = [To("r1", "r2"), To()] },
                new VirtualHost { Name = "b", Domains = ["b"], Routes = [To()] },
            ],
        }, Re2Syntax.Read);

        Of(0, 0).Should().Equal("r1", "r2");
        Of(0, 1).Should().Equal("host");
        Of(1, 0).Should().Equal("all");
        table.ClusterNames.Should().BeEquivalentTo("c", "r1", "r2", "host", "all");

        string[] Of(int host, int route) => [.. table.VirtualHosts[host].Routes[route].Forward!.Mirrors!.Select(static mirror => mirror.Target.Name)];
    }
}

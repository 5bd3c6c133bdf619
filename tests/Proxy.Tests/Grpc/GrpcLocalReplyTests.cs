using AwesomeAssertions;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>Answers that the proxy gives itself, to calls of gRPC: 200 and the status in the head (gRPC, PROTOCOL-HTTP2, "Trailers-Only").</summary>
public sealed class GrpcLocalReplyTests
{
    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc+", true)]
    [InlineData("application/grpc; charset=utf-8", false)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpcx", false)]
    [InlineData("application/json", false)]
    public async Task The_content_type_says_what_a_call_is(string type, bool isCall)
    {
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("none"), []);

        var response = await GrpcTraffic.CallAsync(proxy.Port, type: type);

        response.Status.Should().Be(isCall ? 200 : 503);
        response.Headers["grpc-status"].Should().Be(isCall ? "14" : null);
    }

    [Fact]
    public async Task Without_an_endpoint_the_call_is_unavailable_and_told_why()
    {
        await using var proxy = RunningProxy.To();

        var response = await GrpcTraffic.CallAsync(proxy.Port);

        response.Status.Should().Be(200);
        response.Headers["content-type"].Should().Be("application/grpc");
        response.Headers["grpc-status"].Should().Be("14");
        response.Headers["grpc-message"].Should().Be("no healthy upstream");
        response.BodyText.Should().BeEmpty();
        (await proxy.LogAsync()).Should().Be("POST /shop.Cart/Add 200 UH no_healthy_upstream 0 0");
        proxy.Stat("http.test.downstream_rq_2xx").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_503").Should().Be(1, "clusters count what it would have been");
        proxy.Stat("cluster.backend.upstream_rq_200").Should().Be(0);
    }

    [Fact]
    public async Task The_codes_of_calls_are_not_counted_where_the_router_is_to_leave_them_out()
    {
        using var dead = DeadPort.Refusing();
        await using var proxy = RunningProxy.To(dead.Port, static http => http with { SuppressGrpcCodeStats = true });

        await GrpcTraffic.CallAsync(proxy.Port);

        proxy.Stat("cluster.backend.upstream_rq_completed").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_5xx").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_rq_503").Should().Be(0);
    }

    [Fact]
    public async Task A_call_without_a_route_is_unimplemented()
    {
        await using var proxy = RunningProxy.Start(RunningProxy.Table(), []);

        var response = await GrpcTraffic.CallAsync(proxy.Port);

        response.Headers["grpc-status"].Should().Be("12");
        response.Headers.Contains("grpc-message").Should().BeFalse("there is nothing to say");
    }

    [Fact]
    public async Task What_a_route_answers_itself_becomes_a_status_and_a_message_without_what_headers_may_not_hold()
    {
        await using var proxy = RunningProxy.Start(
            RunningProxy.Table(
                new Route { Match = new RouteMatch { Path = new ExactPath("/no/No") }, Action = new DirectResponseAction(403, "50% ~ \u00e9\r\n"u8.ToArray()) },
                new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new RedirectAction { HostRedirect = "b" } }),
            []);

        var answered = await GrpcTraffic.CallAsync(proxy.Port, path: "/no/No");
        var redirected = await GrpcTraffic.CallAsync(proxy.Port);

        answered.Headers["grpc-status"].Should().Be("7");
        answered.Headers["grpc-message"].Should().Be("50%25 %7E %C3%A9%0D%0A");
        redirected.Status.Should().Be(200);
        redirected.Headers["grpc-status"].Should().Be("2");
        redirected.Headers["location"].Should().Be("http://b/shop.Cart/Add");
    }

    [Fact]
    public async Task Who_sheds_load_still_says_so()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"),
            [cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRequests = 0 } } }]);

        var response = await GrpcTraffic.CallAsync(proxy.Port);

        response.Headers["grpc-status"].Should().Be("14");
        response.Headers["x-envoy-overloaded"].Should().Be("true");
        response.Headers["grpc-message"].Should().Contain("overflow");
    }

    [Theory]
    [InlineData("route", "UT", "upstream_response_timeout")]
    [InlineData("try", "UT", "upstream_per_try_timeout")]
    [InlineData("idle try", "UT", "upstream_per_try_idle_timeout")]
    [InlineData("duration", "DT", "max_duration_timeout")]
    [InlineData("idle", "SI", "stream_idle_timeout")]
    public async Task A_deadline_that_passed_is_told_as_one(string which, string flag, string details)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        var time = TimeSpan.FromMilliseconds(30);
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => which switch
            {
                "route" => action with { Timeout = time },
                "try" => action with { RetryPolicy = new RetryPolicy { PerTryTimeout = time } },
                "idle try" => action with { RetryPolicy = new RetryPolicy { PerTryIdleTimeout = time } },
                "idle" => action with { IdleTimeout = time },
                _ => action with { MaxStreamDuration = time },
            }),
            [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await GrpcTraffic.CallAsync(proxy.Port);

        response.Status.Should().Be(200);
        response.Headers["grpc-status"].Should().Be(which == "idle" ? "14" : "4");
        (await proxy.LogAsync()).Should().Contain($" 200 {flag} {details} ");
    }

    [Fact]
    public async Task Logs_have_the_status_and_the_message_of_an_answer_of_our_own()
    {
        using var folder = new TempFolder();
        var log = folder.File("grpc.log");
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"),
            [RunningProxy.Cluster("backend")],
            http => http with
            {
                AccessLogs = [.. http.AccessLogs, new AccessLogConfig(log, AccessLogFormat.Parse("%GRPC_STATUS% %GRPC_STATUS_NUMBER% %LOCAL_REPLY_BODY% %TRAILER(grpc-status)%\n"))],
            });

        await GrpcTraffic.CallAsync(proxy.Port);
        await proxy.LogAsync();

        (await File.ReadAllTextAsync(log)).Should().Be("Unavailable 14 no healthy upstream -\n");
    }
}

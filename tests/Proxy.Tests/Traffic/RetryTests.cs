using System.Net;
using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Retries as Envoy's router does them (documentation, "x-envoy-retry-on" and config.route.v3.RetryPolicy).</summary>
public sealed class RetryTests
{
    private static readonly RetryPolicy Quick = new() { RetryOn = RetryOn.ServerError, BackOffBase = TimeSpan.FromMilliseconds(1) };

    /// <summary>Condition, what the first attempt meets, whether a second one is made.</summary>
    public static TheoryData<RetryOn, string, bool> Conditions { get; } = new()
    {
        { RetryOn.ServerError, "500", true },
        { RetryOn.ServerError, "503", true },
        { RetryOn.ServerError, "404", false },
        { RetryOn.ServerError, "reset", true },
        { RetryOn.ServerError, "garbage", true },
        { RetryOn.GatewayError, "502", true },
        { RetryOn.GatewayError, "504", true },
        { RetryOn.GatewayError, "500", false },
        { RetryOn.GatewayError, "reset", true },
        { RetryOn.Reset, "reset", true },
        { RetryOn.Reset, "503", false },
        { RetryOn.ResetBeforeRequest, "reset", false },
        { RetryOn.ConnectFailure, "reset", false },
        { RetryOn.ConnectFailure, "503", false },
        { RetryOn.Retriable4xx, "409", true },
        { RetryOn.Retriable4xx, "404", false },
        { RetryOn.RetriableStatusCodes, "418", true },
        { RetryOn.RetriableStatusCodes, "503", false },
        { RetryOn.EnvoyRateLimited, "429 limited", true },
        { RetryOn.ServerError, "503 limited", false },
        { RetryOn.ServerError, "503 overloaded", false },
    };

    [Theory]
    [MemberData(nameof(Conditions))]
    public async Task A_condition_covers_what_it_says(RetryOn condition, string first, bool isRetried)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(First(first), Say(200, "second")));
        await using var proxy = Start(Quick with { RetryOn = condition, RetriableStatusCodes = [418] }, backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        backend.Requests.Count.Should().Be(isRetried ? 2 : 1);
        (response.Status == 200).Should().Be(isRetried);
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(isRetried ? 1 : 0);
        proxy.Stat("cluster.backend.upstream_rq_retry_success").Should().Be(isRetried ? 1 : 0);
        proxy.Stat("cluster.backend.circuit_breakers.default.rq_retry_open").Should().Be(0);
    }

    [Theory]
    [InlineData(RetryOn.ConnectFailure)]
    [InlineData(RetryOn.ServerError)]
    [InlineData(RetryOn.Reset)]
    [InlineData(RetryOn.ResetBeforeRequest)]
    public async Task A_request_that_reached_nobody_goes_to_another_endpoint_whatever_its_method(RetryOn condition)
    {
        using var dead = DeadPort.Refusing();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Start(Quick with { RetryOn = condition, NumRetries = 20 }, dead.Port, backend.Port);

        for (var i = 0; i < 10; i++)
        {
            var response = await RawHttpClient.ExchangeAsync(proxy.Port, "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody");
            response.Status.Should().Be(200);
        }

        backend.Requests.Should().HaveCount(10);
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().BePositive();
    }

    [Fact]
    public async Task The_last_failure_is_answered_when_the_retries_are_used_up()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503, "no"));
        await using var proxy = Start(Quick with { NumRetries = 3 }, backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        (response.Status, response.BodyText).Should().Be((503, "no"));
        backend.Requests.Should().HaveCount(4);
        backend.Connections.Should().HaveCount(1, "a response that came whole leaves its connection as good as new");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 URX via_upstream ");
        proxy.Stat("cluster.backend.upstream_rq_retry_limit_exceeded").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(3);
        proxy.Stat("cluster.backend.upstream_rq_retry_backoff_exponential").Should().Be(3);
        proxy.Stat("cluster.backend.upstream_rq_total").Should().Be(1);
    }

    [Fact]
    public async Task The_answer_tells_the_last_of_several_resets()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.ResetWithoutAnswer());
        await using var proxy = Start(Quick with { NumRetries = 2 }, backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Status.Should().Be(503);
        response.BodyText.Should().Be("upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection termination");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UC,URX upstream_reset_before_response_started{connection_termination} ");
    }

    [Fact]
    public async Task A_response_that_has_begun_is_never_retried()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.CloseMidBody());
        await using var proxy = Start(Quick with { RetryOn = RetryOn.Reset | RetryOn.ServerError }, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(200);
        await client.ReadToEndAsync();
        backend.Requests.Should().HaveCount(1);
    }

    [Theory]
    [InlineData("content-length: 10\r\n\r\n", "0123456789", false)]
    [InlineData("transfer-encoding: chunked\r\n\r\n", "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", true)]
    public async Task A_body_that_came_bit_by_bit_is_sent_again(string framing, string wire, bool isChunked)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Say(503), static (connection, request) => connection.SendAsync(
            $"HTTP/1.1 200 OK\r\ncontent-length: {request.Body.Length}\r\n\r\n{Encoding.Latin1.GetString(request.Body)}")));
        await using var proxy = Start(Quick, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendByteByByteAsync("POST / HTTP/1.1\r\nhost: a\r\n" + framing + wire);
        var response = await client.ReadResponseAsync("POST");

        (response.Status, response.BodyText).Should().Be((200, "0123456789"));
        backend.Requests.Should().HaveCount(2).And.OnlyContain(request => request.Headers.Contains("transfer-encoding") == isChunked);
    }

    [Fact]
    public async Task A_response_before_the_end_of_the_request_is_retried_with_what_has_come_and_the_rest_follows()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(
            async connection =>
            {
                await connection.ReadTextAsync("POST / HTTP/1.1".Length);
                await connection.SendAsync("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
                await connection.ReadTextToEndAsync();
            },
            BackendScripts.Echo()));
        await using var proxy = Start(Quick, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\nfirst ");
        await Patience.UntilAsync(() => backend.Connections.Count == 2, "the second attempt");
        await client.SendAsync("later");

        (await client.ReadResponseAsync("POST")).Status.Should().Be(200);
        Encoding.Latin1.GetString((await backend.WaitForRequestsAsync(1))[^1].Body).Should().Be("first later");
    }

    [Fact]
    public async Task A_body_beyond_the_bound_is_sent_once()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = Start(Quick with { NumRetries = 5 }, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        var body = new byte[2 * 1024 * 1024];
        await client.SendAsync($"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n");
        await client.SendAsync(body);

        (await client.ReadResponseAsync("POST")).Status.Should().Be(503);
        backend.Requests.Should().HaveCount(1);
        proxy.Stat("cluster.backend.retry_or_shadow_abandoned").Should().Be(1);
    }

    [Fact]
    public async Task An_attempt_that_takes_too_long_is_given_up_for_another()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(static (connection, _) => Task.Delay(Timeout.Infinite, connection.Stopping), Say(200, "second")));
        await using var proxy = Start(Quick with { PerTryTimeout = TimeSpan.FromMilliseconds(50) }, backend.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("second");
        proxy.Stat("cluster.backend.upstream_rq_per_try_timeout").Should().Be(1);
        backend.Requests[0].Headers["x-envoy-expected-rq-timeout-ms"].Should().Be("50");
    }

    [Theory]
    [InlineData(true, "upstream_per_try_timeout")]
    [InlineData(false, "upstream_per_try_idle_timeout")]
    public async Task The_last_attempt_that_takes_too_long_is_a_gateway_timeout(bool isWhole, string details)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        var limit = TimeSpan.FromMilliseconds(30);
        await using var proxy = Start(Quick with { PerTryTimeout = isWhole ? limit : null, PerTryIdleTimeout = isWhole ? null : limit }, backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        (response.Status, response.BodyText).Should().Be((504, "upstream request timeout"));
        backend.Requests.Should().HaveCount(2);
        (await proxy.LogAsync()).Should().StartWith($"GET / 504 UT,URX {details} ");
    }

    [Fact]
    public async Task The_timeout_of_the_route_bounds_all_attempts_and_the_waits_between_them()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var policy = Quick with { NumRetries = 1_000_000, BackOffBase = TimeSpan.FromHours(1), BackOffMax = TimeSpan.FromHours(1) };
        await using var proxy = Start(policy, action => action with { Timeout = TimeSpan.FromMilliseconds(100) }, backend.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);
        (await proxy.LogAsync()).Should().StartWith("GET / 504 UT upstream_response_timeout ");
    }

    [Fact]
    public async Task A_client_that_leaves_during_the_wait_ends_it()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var policy = Quick with { NumRetries = 1_000_000, BackOffBase = TimeSpan.FromHours(1), BackOffMax = TimeSpan.FromHours(1) };
        await using var proxy = Start(policy, action => action with { Timeout = TimeSpan.Zero }, backend.Port);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await backend.WaitForRequestsAsync(1);
        }

        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC downstream_remote_disconnect ");
    }

    [Fact]
    public async Task Retries_under_way_are_bounded_over_all_requests()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var policy = Quick with { BackOffBase = TimeSpan.FromHours(1), BackOffMax = TimeSpan.FromHours(1) };
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxRetries = 1, TrackRemaining = true } } };
        await using var proxy = RunningProxy.Start(Routes(policy, action => action with { Timeout = TimeSpan.Zero }), [cluster]);
        await using (var waiting = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await waiting.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_retry") == 1, "the first retry");
            proxy.Stat("cluster.backend.circuit_breakers.default.rq_retry_open").Should().Be(1);
            proxy.Stat("cluster.backend.circuit_breakers.default.remaining_retries").Should().Be(0);

            (await RawHttpClient.GetAsync(proxy.Port, "/second")).Status.Should().Be(503);
            (await proxy.LogAsync()).Should().StartWith("GET /second 503 UO via_upstream ");
            proxy.Stat("cluster.backend.upstream_rq_retry_overflow").Should().Be(1);
        }

        await proxy.LogAsync(2);
        proxy.Stat("cluster.backend.circuit_breakers.default.rq_retry_open").Should().Be(0);
    }

    [Fact]
    public async Task A_budget_bounds_retries_by_what_is_under_way()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        var policy = Quick with { BackOffBase = TimeSpan.FromHours(1), BackOffMax = TimeSpan.FromHours(1) };
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        cluster = cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { RetryBudget = new RetryBudget(20, 2) } } };
        await using var proxy = RunningProxy.Start(Routes(policy, action => action with { Timeout = TimeSpan.Zero }), [cluster]);
        await using var clients = new DisposableCollection<RawHttpClient>();
        for (var i = 0; i < 5; i++)
        {
            clients.Add(await RawHttpClient.ConnectAsync(proxy.Port));
            await clients[i].SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        }

        // Nothing else is under way, so the two that are always allowed wait, and the others are answered.
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_retry_overflow") == 3, "three that may not be retried");
        proxy.Stat("cluster.backend.upstream_rq_retry").Should().Be(2);
    }

    [Fact]
    public async Task An_endpoint_that_failed_is_avoided_where_the_policy_asks_for_it()
    {
        await using var bad = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var good = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.Start(
            Routes(Quick with { AvoidsPreviousHosts = true, HostSelectionAttempts = 100 }, action => action),
            [Random(RunningProxy.Cluster("backend", bad.Port, good.Port))]);
        for (var i = 0; i < 50; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        }

        bad.Requests.Count.Should().BePositive();
        good.Requests.Should().HaveCount(50);

        static ClusterSpecification Random(ClusterSpecification cluster) =>
            cluster with { Config = cluster.Config with { LoadBalancing = LoadBalancingPolicy.Random } };
    }

    [Theory]
    [InlineData("retry-after: 1", false, 1000)]
    [InlineData("x-reset: 2", true, 2000)]
    public async Task An_upstream_may_say_how_long_to_wait(string header, bool isTimestamp, int askedMs)
    {
        var clock = new ManualClock();
        var name = header[..header.IndexOf(':', StringComparison.Ordinal)];
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(
            (connection, _) => connection.SendAsync($"HTTP/1.1 503 No\r\n{header}\r\ncontent-length: 0\r\n\r\n"), Say(200)));
        var policy = Quick with { RateLimited = new RateLimitedBackOff([new ResetHeader(name, isTimestamp)], null) };
        await using var proxy = RunningProxy.Start(
            Routes(policy, action => action with { Timeout = TimeSpan.Zero }), [RunningProxy.Cluster("backend", backend.Port)], time: clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_rq_retry_backoff_ratelimited") == 1, "the wait");

        clock.Advance(TimeSpan.FromMilliseconds(askedMs - 1));
        await proxy.Engine.RentedBlocksAsync();
        backend.Requests.Should().HaveCount(1);
        clock.Advance(TimeSpan.FromMilliseconds(1 + (askedMs / 2)));
        await proxy.Engine.RentedBlocksAsync();
        (await client.ReadResponseAsync()).Status.Should().Be(200);
    }

    [Fact]
    public async Task Headers_of_a_trusted_client_ask_for_retries_and_do_not_go_upstream()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Say(503), Say(418), Say(200, "third")));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)], http => http with { UseRemoteAddress = false, InternalAddresses = [new CidrRange(IPAddress.Parse("10.0.0.0"), 8)] });

        var response = await RawHttpClient.ExchangeAsync(
            proxy.Port,
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 10.0.0.1\r\nx-envoy-retry-on: 5xx, retriable-status-codes\r\nx-envoy-max-retries: 2\r\n"
            + "x-envoy-retriable-status-codes: 418,419\r\nx-envoy-upstream-rq-timeout-ms: 9000\r\nx-envoy-upstream-rq-per-try-timeout-ms: 5000\r\n\r\n");

        response.BodyText.Should().Be("third");
        backend.Requests.Should().HaveCount(3);
        backend.Requests[2].Headers["x-envoy-expected-rq-timeout-ms"].Should().Be("5000");
        foreach (var gone in (string[])["x-envoy-retry-on", "x-envoy-max-retries", "x-envoy-retriable-status-codes", "x-envoy-upstream-rq-timeout-ms"])
        {
            backend.Requests[2].Headers.Contains(gone).Should().BeFalse(gone);
        }
    }

    [Fact]
    public async Task Headers_of_a_stranger_ask_for_nothing()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(503));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { UseRemoteAddress = true, InternalAddresses = [] });
        await RawHttpClient.ExchangeAsync(proxy.Port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-envoy-retry-on: 5xx\r\nx-forwarded-for: 8.8.8.8\r\n\r\n");
        backend.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task Both_sides_are_told_the_number_of_attempts_where_that_is_configured()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Say(503), Say(200)));
        var table = RouteTable.Compile(
            new RouteConfiguration
            {
                Name = "test",
                VirtualHosts =
                [
                    new VirtualHost
                    {
                        Name = "all", Domains = ["*"], RetryPolicy = Quick, IncludesAttemptCountInRequest = true, IncludesAttemptCountInResponse = true,
                        Routes = [new Route { Match = new RouteMatch { Path = new PrefixPath("/") }, Action = new ForwardAction { Cluster = new SingleCluster("backend") } }],
                    },
                ],
            },
            KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)]);

        var response = await RawHttpClient.GetAsync(proxy.Port);

        response.Headers["x-envoy-attempt-count"].Should().Be("2");
        backend.Requests.Select(static request => request.Headers["x-envoy-attempt-count"]).Should().Equal("1", "2");
    }

    private static Func<BackendConnection, RawRequest, Task> Say(int status, string body = "") =>
        (connection, _) => connection.SendAsync($"HTTP/1.1 {status} Text\r\ncontent-length: {body.Length}\r\n\r\n{body}");

    private static Func<BackendConnection, RawRequest, Task> First(string what) => what switch
    {
        "reset" => static (connection, _) =>
        {
            connection.Reset();
            return Task.CompletedTask;
        }
        ,
        "garbage" => static (connection, _) => connection.SendAsync("no http\r\n\r\n"),
        "429 limited" => static (connection, _) => connection.SendAsync("HTTP/1.1 429 Later\r\nx-envoy-ratelimited: true\r\ncontent-length: 0\r\n\r\n"),
        "503 limited" => static (connection, _) => connection.SendAsync("HTTP/1.1 503 Later\r\nx-envoy-ratelimited: true\r\ncontent-length: 0\r\n\r\n"),
        "503 overloaded" => static (connection, _) => connection.SendAsync("HTTP/1.1 503 Later\r\nx-envoy-overloaded: true\r\ncontent-length: 0\r\n\r\n"),
        _ => Say(int.Parse(what, System.Globalization.CultureInfo.InvariantCulture), "text"),
    };

    private static RunningProxy Start(RetryPolicy policy, params int[] ports) => Start(policy, static action => action, ports);

    private static RunningProxy Start(RetryPolicy policy, Func<ForwardAction, ForwardAction> configure, params int[] ports) =>
        RunningProxy.Start(Routes(policy, configure), [RunningProxy.Cluster("backend", ports)]);

    private static RouteTable Routes(RetryPolicy policy, Func<ForwardAction, ForwardAction> configure) =>
        RunningProxy.Everything("backend", action => configure(action with { RetryPolicy = policy }));
}

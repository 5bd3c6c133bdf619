using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Routing.Matching;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Proxy.Upstream.OutlierDetection;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Another attempt beside one that takes too long (Envoy documentation, "Request hedging", and config.route.v3.HedgePolicy).</summary>
public sealed class HedgingTests
{
    private const string Cluster = "cluster.backend.";
    private const string Breaker = Cluster + "circuit_breakers.default.";
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    private static readonly TimeSpan AttemptTime = TimeSpan.FromMilliseconds(50);

    private static readonly RetryPolicy Policy = new() { RetryOn = RetryOn.ServerError, PerTryTimeout = AttemptTime, BackOffBase = TimeSpan.FromMilliseconds(1) };

    private readonly ManualClock _clock = new();

    [Theory]
    [InlineData(RetryOn.ServerError)]
    [InlineData(RetryOn.ConnectFailure)]
    public async Task The_second_attempt_answers_where_the_first_is_slow_whatever_the_policy_retries(RetryOn on)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Say(200, "second")));
        await using var proxy = Start(Policy with { RetryOn = on }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);

        (await response).BodyText.Should().Be("second");
        (await proxy.LogAsync()).Should().Be("GET / 200 - via_upstream 0 6");
        backend.Requests.Should().HaveCount(2);
        proxy.Stat(Cluster + "upstream_rq_retry").Should().Be(1);
        proxy.Stat(Cluster + "upstream_rq_retry_success").Should().Be(1);
        proxy.Stat(Cluster + "upstream_rq_tx_reset").Should().Be(1);
        proxy.Stat(Cluster + "upstream_cx_destroy_local_with_active_rq").Should().Be(1);
        proxy.Stat(Cluster + "upstream_rq_per_try_timeout").Should().Be(0, "an attempt that goes on has not timed out, as in Envoy");
        proxy.Stat(Cluster + "upstream_rq_total").Should().Be(1);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task The_first_attempt_answers_where_it_is_faster_after_all()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first")), Hang));
        await using var proxy = Start(Policy, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        slow.Set();

        (await response).BodyText.Should().Be("first");
        (await proxy.LogAsync()).Should().Be("GET / 200 - via_upstream 0 5");
        proxy.Stat(Cluster + "upstream_rq_retry_success").Should().Be(0);
        proxy.Stat(Cluster + "upstream_rq_tx_reset").Should().Be(1);
        await NothingIsLeftAsync(proxy);
    }

    [Theory]
    [InlineData("503")]
    [InlineData("reset")]
    [InlineData("garbage")]
    public async Task A_slow_success_is_waited_for_where_the_second_attempt_fails(string second)
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first")), Fail(second)));
        await using var proxy = Start(Policy, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await WaitForAsync(proxy, "upstream_rq_retry_limit_exceeded", 1);
        slow.Set();

        (await response).BodyText.Should().Be("first");
        (await proxy.LogAsync()).Should().Be("GET / 200 URX via_upstream 0 5");
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task A_response_that_the_policy_does_not_refuse_wins_even_if_it_is_an_error()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Say(404, "none")));
        await using var proxy = Start(Policy, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);

        (await response).Status.Should().Be(404);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task The_last_failure_is_answered_where_both_fail()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Fail("reset")), Say(503, "no")));
        await using var proxy = Start(Policy, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await WaitForAsync(proxy, "upstream_rq_retry_limit_exceeded", 1);
        slow.Set();

        (await response).BodyText.Should().Be("upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection termination");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 UC,URX upstream_reset_before_response_started{connection_termination} ");
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task A_first_attempt_that_fails_after_its_time_is_not_retried_once_more()
    {
        var slow = new Signal();
        var late = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Fail("reset")), When(late, Say(503, "late"))));
        await using var proxy = Start(Policy with { NumRetries = 1 }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        slow.Set();
        await WaitForAsync(proxy, "upstream_rq_rx_reset", 1);
        late.Set();

        (await response).BodyText.Should().Be("late");
        (await proxy.LogAsync()).Should().StartWith("GET / 503 URX via_upstream ");
        backend.Requests.Should().HaveCount(2);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task A_failed_second_attempt_is_retried_beside_the_first()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Say(503), Fail("reset"), Say(200, "fourth")));
        await using var proxy = Start(Policy with { NumRetries = 3 }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);

        (await response).BodyText.Should().Be("fourth");
        proxy.Stat(Cluster + "upstream_rq_retry").Should().Be(3);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task Each_slow_attempt_has_another_one_beside_it_until_the_retries_are_used_up()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Hang, When(slow, Say(200, "third"))));
        await using var proxy = Start(Policy with { NumRetries = 2 }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await HedgeAsync(backend, 2);
        await HedgeAsync(backend, 3);
        await WaitForAsync(proxy, "upstream_rq_retry_limit_exceeded", 1);
        slow.Set();

        (await response).BodyText.Should().Be("third");
        (await proxy.LogAsync()).Should().StartWith("GET / 200 URX via_upstream ");
        proxy.Stat(Cluster + "upstream_rq_tx_reset").Should().Be(2);
        backend.Requests.Should().HaveCount(3);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task The_timeout_of_the_route_ends_all_attempts()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang));
        await using var proxy = Start(Policy, static action => action with { Timeout = TimeSpan.FromMilliseconds(200) }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        _clock.Advance(TimeSpan.FromSeconds(1));

        (await response).BodyText.Should().Be("upstream request timeout");
        (await proxy.LogAsync()).Should().StartWith("GET / 504 UT upstream_response_timeout ");
        proxy.Stat(Cluster + "upstream_rq_timeout").Should().Be(2);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_all_attempts()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang));
        await using var proxy = Start(Policy, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(Get);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        client.Reset();

        (await proxy.LogAsync()).Should().StartWith("GET / 0 DC downstream_remote_disconnect ");
        proxy.Stat(Cluster + "upstream_rq_cancelled").Should().Be(2);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task The_log_shows_every_attempt_and_of_the_upstream_the_one_that_answered()
    {
        var slow = new Signal();
        string[] hosts = ["", ""];
        var asked = 0;
        var script = BackendScripts.EachRequest((connection, request) =>
        {
            var turn = Interlocked.Increment(ref asked);
            Volatile.Write(ref hosts[turn - 1], $"127.0.0.1:{connection.BackendName}");
            return turn == 1 ? When(slow, Say(200, "first"))(connection, request) : Hang(connection, request);
        });
        await using var one = ScriptedBackend.Start(script);
        await using var two = ScriptedBackend.Start(script);
        await using var proxy = RunningProxy.Start(
            Routes(Policy, static action => action),
            [RunningProxy.Cluster("backend", one.Port, two.Port)],
            static http => http with
            {
                AccessLogs =
                [
                    http.AccessLogs[0] with
                    {
                        Format = AccessLogFormat.Parse("%UPSTREAM_HOST% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_CONNECTION_ID% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%\n"),
                    },
                ],
            },
            time: _clock);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await Patience.UntilAsync(() => Volatile.Read(ref hosts[0]).Length > 0, "the first attempt");
        _clock.Advance(2 * AttemptTime);
        await Patience.UntilAsync(() => Volatile.Read(ref hosts[1]).Length > 0, "the second attempt");
        slow.Set();

        (await response).BodyText.Should().Be("first");
        var logged = (await proxy.LogAsync()).Split(' ');
        logged[..3].Should().Equal(hosts[0], "2", $"{hosts[0]},{hosts[1]}");
        logged[4].Should().StartWith(logged[3] + ",", "the connection is that of the first attempt");
    }

    [Fact]
    public async Task A_second_attempt_that_waits_for_a_connection_gives_up_its_place_when_the_first_answers()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first")), Say(200, "next")));
        await using var proxy = Start(Policy, static action => action, new CircuitBreakerThresholds { MaxConnections = 1, TrackRemaining = true }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await WaitForAsync(proxy, "upstream_cx_overflow", 1);
        proxy.Stat(Cluster + "upstream_rq_pending_active").Should().Be(1);
        slow.Set();

        (await response).BodyText.Should().Be("first");
        await Patience.UntilAsync(
            () => Task.FromResult(proxy.Stat(Cluster + "upstream_rq_pending_active") == 0 && proxy.Stat(Breaker + "remaining_pending") == 1024), "the end of the wait");
        proxy.Stat(Cluster + "upstream_rq_cancelled").Should().Be(1);
        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("next", "the connection that was kept serves others");
        backend.Requests.Should().HaveCount(2);
        backend.Connections.Should().HaveCount(1);
    }

    [Fact]
    public async Task Attempts_under_way_end_undisturbed_where_their_cluster_is_taken_away()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, When(slow, Say(200, "second"))));
        await using var proxy = Start(Policy, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        proxy.Engine.Apply(new ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = null } }).Should().BeEmpty();
        slow.Set();

        (await response).BodyText.Should().Be("second");
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_redirect_of_either_attempt_is_followed_and_the_other_one_ends(bool isFirst)
    {
        var slow = new Signal();
        var redirect = (BackendConnection connection, RawRequest _) => connection.SendAsync("HTTP/1.1 302 Found\r\nlocation: http://b/second\r\ncontent-length: 4\r\n\r\ngone");
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(isFirst ? When(slow, redirect) : Hang, isFirst ? Hang : redirect, static (connection, request) => Say(200, request.Target)(connection, request)));
        await using var proxy = Start(Policy, static action => action with { InternalRedirects = new InternalRedirectPolicy() }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await backend.WaitForRequestsAsync(2);
        slow.Set();

        (await response).BodyText.Should().Be("/second");
        (await proxy.LogLinesAsync(2)).Should().SatisfyRespectively(
            static line => line.Should().StartWith("GET / 302 - internal_redirect "), static line => line.Should().StartWith("GET /second 200 - via_upstream "));
        proxy.Stat(Cluster + "upstream_internal_redirect_succeeded_total").Should().Be(1);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task Attempts_under_way_bring_their_answer_while_the_proxy_drains()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, When(slow, Say(200, "second"))));
        await using var proxy = Start(Policy, backend.Port);
        Task<bool> draining;
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            await HedgeAsync(backend, 1);
            await backend.WaitForRequestsAsync(2);
            draining = proxy.Engine.DrainAsync(Patience.Limit, TimeSpan.FromMilliseconds(50), TimeProvider.System);
            await Patience.UntilAsync(() => proxy.Engine.IsDraining, "the drain");
            slow.Set();

            var response = await client.ReadResponseAsync();
            response.BodyText.Should().Be("second");
            response.Headers["connection"].Should().Be("close");
        }

        (await draining).Should().BeTrue();
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task No_retries_means_no_hedges_and_no_end_of_the_attempt_either()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first"))));
        await using var proxy = Start(Policy with { NumRetries = 0 }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await WaitForAsync(proxy, "upstream_rq_retry_limit_exceeded", 1);
        slow.Set();

        (await response).BodyText.Should().Be("first");
        backend.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task Retries_under_way_are_limited_over_hedges_too()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first"))));
        await using var proxy = Start(Policy, static action => action, new CircuitBreakerThresholds { MaxRetries = 0 }, backend.Port);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);
        await WaitForAsync(proxy, "upstream_rq_retry_overflow", 1);
        slow.Set();

        (await response).BodyText.Should().Be("first");
        (await proxy.LogAsync()).Should().StartWith("GET / 200 UO via_upstream ");
    }

    [Fact]
    public async Task A_body_that_came_in_pieces_goes_to_the_second_attempt_as_a_whole()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Echo));
        await using var proxy = Start(Policy, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n");
        await backend.WaitForConnectionAsync(1);
        _clock.Advance(2 * AttemptTime);
        await client.SendAsync("5\r\nworld\r\n0\r\n\r\n");
        await HedgeAsync(backend, 1);

        (await client.ReadResponseAsync()).BodyText.Should().Be("hello world");
        backend.Requests.Should().HaveCount(2).And.OnlyContain(static request => request.BodyText == "hello world");
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task A_body_that_is_too_long_to_be_kept_is_sent_once()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang));
        var routes = RunningProxy.Table(new Route
        {
            Match = new RouteMatch { Path = new PrefixPath("/") },
            RequestBodyBufferLimit = 4,
            Action = new ForwardAction { Cluster = new SingleCluster("backend"), RetryPolicy = Policy, HedgesOnPerTryTimeout = true, Timeout = TimeSpan.FromSeconds(1) },
        });
        await using var proxy = RunningProxy.Start(routes, [RunningProxy.Cluster("backend", backend.Port)], time: _clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\nhello ");
        await backend.WaitForConnectionAsync(1);
        await client.SendAsync("world");
        await HedgeAsync(backend, 1);
        _clock.Advance(TimeSpan.FromSeconds(2));

        (await client.ReadResponseAsync()).Status.Should().Be(504);
        backend.Requests.Should().HaveCount(1);
        proxy.Stat(Cluster + "upstream_rq_retry").Should().Be(0);
        proxy.Stat(Cluster + "retry_or_shadow_abandoned").Should().Be(1);
    }

    [Fact]
    public async Task An_attempt_whose_interim_response_was_passed_on_is_alone_from_there_on()
    {
        var slow = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, async (connection, request) =>
        {
            await connection.SendAsync("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
            await When(slow, Say(503, "second"))(connection, request);
        }));
        await using var proxy = Start(Policy with { NumRetries = 5 }, backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(Get);
        await HedgeAsync(backend, 1);
        (await client.ReadHeadAsync()).Status.Should().Be(103);
        await WaitForAsync(proxy, "upstream_rq_tx_reset", 1);
        _clock.Advance(2 * AttemptTime);
        slow.Set();

        (await client.ReadResponseAsync()).BodyText.Should().Be("second", "a response that has begun is not retried");
        backend.Requests.Should().HaveCount(2);
        await NothingIsLeftAsync(proxy);
    }

    [Fact]
    public async Task Both_sides_are_told_the_number_of_attempts_and_the_upstream_what_time_is_left()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Say(200)));
        var table = RouteTable.Compile(
            new RouteConfiguration
            {
                Name = "test",
                VirtualHosts =
                [
                    new VirtualHost
                    {
                        Name = "all", Domains = ["*"], RetryPolicy = Policy, HedgesOnPerTryTimeout = true, IncludesAttemptCountInRequest = true, IncludesAttemptCountInResponse = true,
                        Routes =
                        [
                            new Route
                            {
                                Match = new RouteMatch { Path = new PrefixPath("/") },
                                Action = new ForwardAction { Cluster = new SingleCluster("backend"), Timeout = TimeSpan.FromSeconds(10) },
                            },
                        ],
                    },
                ],
            },
            KubeProxyNet.Proxy.Config.Re2Syntax.Read);
        await using var proxy = RunningProxy.Start(table, [RunningProxy.Cluster("backend", backend.Port)], time: _clock);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(backend, 1);

        (await response).Headers["x-envoy-attempt-count"].Should().Be("2");
        backend.Requests.Select(static request => request.Headers["x-envoy-attempt-count"]).Should().Equal("1", "2");
        backend.Requests[0].Headers["x-envoy-expected-rq-timeout-ms"].Should().Be("10000");
        int.Parse(backend.Requests[1].Headers["x-envoy-expected-rq-timeout-ms"]!, System.Globalization.CultureInfo.InvariantCulture).Should().BeInRange(9_000, 9_999);
    }

    [Theory]
    [InlineData(false, "true", true)]
    [InlineData(true, "false", false)]
    [InlineData(true, "TRUE", true)]
    [InlineData(false, "1", false)]
    public async Task A_client_that_is_trusted_may_ask_for_it(bool byRoute, string header, bool hedges)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(Hang, Say(200, "second")));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { RetryPolicy = Policy with { RetryOn = RetryOn.ConnectFailure }, HedgesOnPerTryTimeout = byRoute }),
            [RunningProxy.Cluster("backend", backend.Port)],
            static http => http with { UseRemoteAddress = false, InternalAddresses = [new CidrRange(IPAddress.Parse("10.0.0.0"), 8)] },
            time: _clock);
        var response = RawHttpClient.ExchangeAsync(
            proxy.Port, $"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 10.0.0.1\r\nx-envoy-hedge-on-per-try-timeout: {header}\r\n\r\n");
        await HedgeAsync(backend, 1);

        (await response).Status.Should().Be(hedges ? 200 : 504);
        backend.Requests.Should().HaveCount(hedges ? 2 : 1).And.OnlyContain(static request => !request.Headers.Contains("x-envoy-hedge-on-per-try-timeout"));
    }

    [Fact]
    public async Task An_attempt_that_goes_on_is_reported_as_a_timeout_once()
    {
        var slow = new Signal();
        await using var first = ScriptedBackend.Start(BackendScripts.EachRequestInTurn(When(slow, Say(200, "first"))));
        var cluster = RunningProxy.Cluster("backend", first.Port);
        cluster = cluster with { Config = cluster.Config with { OutlierDetection = new OutlierDetectionConfig { Consecutive5xx = 2, MaxEjectionPercent = 100 } } };
        await using var proxy = RunningProxy.Start(Routes(Policy with { NumRetries = 0 }, static action => action with { Timeout = TimeSpan.FromSeconds(1) }), [cluster], time: _clock);
        var response = RawHttpClient.GetAsync(proxy.Port);
        await HedgeAsync(first, 1);
        await WaitForAsync(proxy, "upstream_rq_retry_limit_exceeded", 1);
        _clock.Advance(TimeSpan.FromSeconds(2));

        (await response).Status.Should().Be(504);
        proxy.Stat(Cluster + "outlier_detection.ejections_detected_consecutive_5xx").Should().Be(0, "the timeout of the route says nothing new of it");
        slow.Set();
    }

    private async Task HedgeAsync(ScriptedBackend backend, int requests)
    {
        await backend.WaitForRequestsAsync(requests);
        _clock.Advance(AttemptTime + TimeSpan.FromMilliseconds(20));
    }

    private static Task WaitForAsync(RunningProxy proxy, string stat, long value) =>
        Patience.UntilAsync(() => Task.FromResult(proxy.Stat(Cluster + stat) >= value), stat);

    private static Task NothingIsLeftAsync(RunningProxy proxy) => Patience.UntilAsync(
        () => Task.FromResult(
            proxy.Stat(Cluster + "upstream_rq_active") == 0 && proxy.Stat(Cluster + "upstream_rq_pending_active") == 0
            && proxy.Stat(Breaker + "remaining_rq") == 1024 && proxy.Stat(Breaker + "remaining_pending") == 1024 && proxy.Stat(Breaker + "remaining_retries") == 3
            && proxy.Stat(Breaker + "remaining_cx") + proxy.Stat(Cluster + "upstream_cx_active") == 1024),
        "the end of all attempts");

    private static Task Hang(BackendConnection connection, RawRequest request) => connection.DrainAsync();

    private static Task Echo(BackendConnection connection, RawRequest request) => Say(200, request.BodyText)(connection, request);

    private static Func<BackendConnection, RawRequest, Task> When(Signal signal, Func<BackendConnection, RawRequest, Task> then) => async (connection, request) =>
    {
        await signal.WaitAsync(connection.Stopping);
        await then(connection, request);
    };

    private static Func<BackendConnection, RawRequest, Task> Say(int status, string body = "") =>
        (connection, _) => connection.SendAsync($"HTTP/1.1 {status} Text\r\ncontent-length: {body.Length}\r\n\r\n{body}");

    private static Func<BackendConnection, RawRequest, Task> Fail(string what) => what switch
    {
        "reset" => static (connection, _) =>
        {
            connection.Reset();
            return Task.CompletedTask;
        }
        ,
        "garbage" => static (connection, _) => connection.SendAsync("no http\r\n\r\n"),
        _ => Say(503),
    };

    private RunningProxy Start(RetryPolicy policy, params int[] ports) => Start(policy, static action => action, ports);

    private RunningProxy Start(RetryPolicy policy, Func<ForwardAction, ForwardAction> configure, params int[] ports) =>
        Start(policy, configure, new CircuitBreakerThresholds { TrackRemaining = true }, ports);

    private RunningProxy Start(RetryPolicy policy, Func<ForwardAction, ForwardAction> configure, CircuitBreakerThresholds thresholds, params int[] ports)
    {
        var cluster = RunningProxy.Cluster("backend", ports);
        return RunningProxy.Start(Routes(policy, configure), [cluster with { Config = cluster.Config with { DefaultThresholds = thresholds } }], time: _clock);
    }

    private static RouteTable Routes(RetryPolicy policy, Func<ForwardAction, ForwardAction> configure) =>
        RunningProxy.Everything("backend", action => configure(action with { RetryPolicy = policy, HedgesOnPerTryTimeout = true }));
}

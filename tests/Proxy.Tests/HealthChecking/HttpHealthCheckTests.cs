using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Checks by HTTP against backends that misbehave on command (Envoy documentation, "HTTP health checking").</summary>
public sealed class HttpHealthCheckTests
{
    private const HostHealthFlags Failed = HostHealthFlags.FailedActiveHealthCheck;

    /// <summary>What the backend sends for a check; null for nothing. Whether that is no answer at all.</summary>
    public static TheoryData<string, string?, bool> Misbehaviours { get; } = new()
    {
        { "a wrong status", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", false },
        { "a redirect", "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", false },
        { "silence", null, true },
        { "garbage", "\0\u0001\u0002 this is no HTTP\r\n\r\n", true },
        { "half a head", "HTTP/1.1 200 OK\r\nx: ", true },
        { "half a body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", true },
        { "a broken chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", true },
        { "a head without end", "HTTP/1.1 200 OK\r\n" + new string('x', 200_000), true },
        { "interim responses without end", string.Concat(Enumerable.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 40)), true },
    };

    [Theory]
    [MemberData(nameof(Misbehaviours))]
    public async Task What_is_no_good_answer_makes_an_endpoint_unhealthy_until_it_is_one_again(string what, string? answer, bool isOfNetwork)
    {
        await using var backend = new MoodyBackend();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { Timeout = TimeSpan.FromMilliseconds(50) }, backend.Port);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);

        backend.OnCheck = _ => answer;
        await proxy.UntilFailedAsync(backend.Port);
        await Patience.UntilAsync(() => proxy.CheckStat("failure") > 2, $"failures by {what}");
        (proxy.CheckStat("network_failure") > 0).Should().Be(isOfNetwork, what);
        proxy.CheckStat("healthy").Should().Be(0);

        backend.OnCheck = static _ => MoodyBackend.Healthy;
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await Patience.UntilAsync(() => proxy.CheckStat("healthy") == 1, "the gauge");
        backend.Server.TakeFaults();
    }

    [Fact]
    public async Task A_connection_that_is_reset_is_a_failure_and_so_is_one_that_is_refused()
    {
        await using var backend = new MoodyBackend();
        using var refusing = DeadPort.Refusing();
        var dead = refusing.Port;
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port, dead);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "refusals");
        proxy.FlagsOf(dead).Should().Be(Failed);

        backend.ResetsOnAccept = backend.ClosesAfterCheck = true;
        await proxy.UntilAsync(backend.Port, Failed);
        backend.ResetsOnAccept = false;
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
    }

    [Fact]
    public async Task A_timeout_says_so()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => null };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { Timeout = TimeSpan.FromMilliseconds(20) }, backend.Port);

        await proxy.UntilAsync(backend.Port, Failed | HostHealthFlags.ActiveHealthCheckTimeout);

        backend.OnCheck = static _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";
        await proxy.UntilAsync(backend.Port, Failed);
    }

    [Fact]
    public async Task Of_an_answer_that_says_so_once_is_enough_and_a_retriable_one_counts()
    {
        const string Busy = "HTTP/1.1 429 Busy\r\ncontent-length: 0\r\n\r\n";
        await using var strict = new MoodyBackend { OnCheck = static number => number == 2 ? Busy : MoodyBackend.Healthy };
        await using var lenient = new MoodyBackend { OnCheck = static number => number % 3 == 1 ? MoodyBackend.Healthy : Busy };
        var check = CheckedCluster.Http with { UnhealthyThreshold = 3, HealthyThreshold = 1_000_000 };
        await using var strictly = CheckedCluster.Start(check, strict.Port);
        await using var leniently = CheckedCluster.Start(check.WithProbe(static http => http with { RetriableStatuses = new([new StatusRange(429, 430)]) }), lenient.Port);

        await strictly.UntilFailedAsync(strict.Port);
        await strict.Server.WaitForRequestsAsync(5);
        strictly.CheckStat("failure").Should().Be(1);

        // Flaps just below the threshold for ever: had it failed once, it would take a million successes to recover.
        await lenient.Server.WaitForRequestsAsync(31);
        await Patience.UntilAsync(() => leniently.CheckStat("failure") >= 20, "failures");
        leniently.FlagsOf(lenient.Port).Should().Be(HostHealthFlags.None);
    }

    [Fact]
    public async Task Expected_statuses_take_the_place_of_200()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => "HTTP/1.1 204 No Content\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(
            CheckedCluster.Http.WithProbe(static http => http with { ExpectedStatuses = new([new StatusRange(201, 205), new StatusRange(300, 301)]) }), backend.Port);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);

        backend.OnCheck = static _ => MoodyBackend.Healthy;
        await proxy.UntilAsync(backend.Port, Failed);
    }

    [Theory]
    [InlineData("ok", 1024, true)]
    [InlineData("not", 1024, false)]
    [InlineData("al,ok", 1024, true)]
    [InlineData("ok,al", 1024, false)]
    [InlineData("ok", 8, false)]
    [InlineData("end", 1024, false)]
    [InlineData("end", 0, true)]
    public async Task The_body_has_to_hold_what_is_expected_in_as_much_of_it_as_is_looked_at(string expected, long size, bool isHealthy)
    {
        var body = "all is ok" + new string('.', 5000) + "end";
        await using var backend = new MoodyBackend { OnCheck = _ => $"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body.Length:x}\r\n{body}\r\n0\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(
            CheckedCluster.Http.WithProbe(http => http with
            {
                Receive = new(expected.Split(',').Select(static text => new Payload(Encoding.ASCII.GetBytes(text)))),
                ResponseBufferSize = size,
            }), backend.Port);

        await Patience.UntilAsync(() => proxy.CheckStat(isHealthy ? "success" : "failure") > 2, "checks");

        proxy.FlagsOf(backend.Port).Should().Be(isHealthy ? HostHealthFlags.None : Failed);
        proxy.CheckStat("network_failure").Should().Be(0);
    }

    [Fact]
    public async Task The_request_is_what_was_configured()
    {
        await using var backend = new MoodyBackend();
        await using var proxy = CheckedCluster.Start(
            CheckedCluster.Http.WithProbe(static http => http with { Method = "POST", HeaderLines = "user-agent: Envoy/HC\r\nx-check: yes\r\n", Send = new Payload("ping"u8) }), backend.Port);

        var request = (await backend.Server.WaitForRequestsAsync(1))[0];

        request.HeadText.Should().Be("POST /health HTTP/1.1\r\nhost: check.test\r\nuser-agent: Envoy/HC\r\nx-check: yes\r\ncontent-length: 4\r\n\r\n");
        request.BodyText.Should().Be("ping");
    }

    [Theory]
    [InlineData("GET", false)]
    [InlineData("DELETE", false)]
    [InlineData("PUT", true)]
    public async Task A_method_that_has_a_body_says_that_it_is_empty(string method, bool hasLength)
    {
        await using var backend = new MoodyBackend();
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http.WithProbe(http => http with { Method = method }), backend.Port);

        var request = (await backend.Server.WaitForRequestsAsync(1))[0];

        request.HeadText.Contains("content-length: 0\r\n", StringComparison.Ordinal).Should().Be(hasLength);
    }

    [Fact]
    public async Task An_answer_to_head_has_no_body()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http.WithProbe(static http => http with { Method = "HEAD" }), backend.Port);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await proxy.UntilMoreChecksAsync();
        backend.Server.Connections.Count.Should().Be(1);
    }

    [Theory]
    [InlineData(true, "content-length: 2\r\n", false, true)]
    [InlineData(false, "content-length: 2\r\n", false, false)]
    [InlineData(true, "content-length: 2\r\nconnection: close\r\n", false, false)]
    [InlineData(true, "content-length: 1\r\n", false, false)]
    [InlineData(true, "", true, false)]
    [InlineData(true, "content-length: 2\r\n", true, false)]
    public async Task A_connection_serves_many_checks_where_it_may(bool reuses, string lines, bool closes, bool isKept)
    {
        await using var backend = new MoodyBackend { OnCheck = _ => $"HTTP/1.1 200 OK\r\n{lines}\r\nok", ClosesAfterCheck = closes };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http with { ReuseConnection = reuses, UnhealthyThreshold = 1000 }, backend.Port);

        await backend.Server.WaitForRequestsAsync(5);

        (backend.Server.Connections.Count == 1).Should().Be(isKept);
        await Patience.UntilAsync(() => backend.OpenConnections <= 1, "the end of the others");
        proxy.FlagsOf(backend.Port).Should().Be(HostHealthFlags.None);
    }

    [Fact]
    public async Task An_interim_response_is_not_the_answer()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + MoodyBackend.Healthy };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await proxy.UntilMoreChecksAsync();
        proxy.CheckStat("failure").Should().Be(0);
    }

    [Theory]
    [InlineData("shop", "shop-v1", true)]
    [InlineData("shop", "cart-v1", false)]
    [InlineData("shop", null, false)]
    public async Task The_service_that_answers_has_to_be_the_right_one(string wanted, string? service, bool isHealthy)
    {
        var line = service is null ? "" : $"x-envoy-upstream-healthchecked-cluster: {service}\r\n";
        await using var backend = new MoodyBackend { OnCheck = _ => $"HTTP/1.1 200 OK\r\n{line}content-length: 0\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(
            CheckedCluster.Http.WithProbe(http => http with { ServiceName = new ServiceNameMatch(ServiceNameMatchKind.Prefix, wanted) }), backend.Port);

        await Patience.UntilAsync(() => proxy.CheckStat("verify_cluster") > 2, "checks");

        proxy.FlagsOf(backend.Port).Should().Be(isHealthy ? HostHealthFlags.None : Failed);
    }

    [Fact]
    public async Task An_endpoint_may_say_that_it_is_degraded()
    {
        await using var backend = new MoodyBackend { OnCheck = static _ => "HTTP/1.1 200 OK\r\nx-envoy-degraded: yes\r\ncontent-length: 0\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.DegradedActiveHealthCheck);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_degraded") == 1 && proxy.CheckStat("degraded") == 1, "the gauges");

        backend.OnCheck = static _ => MoodyBackend.Healthy;
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
    }

    [Fact]
    public async Task A_check_whose_answer_asks_for_it_leaves_the_endpoint_out_of_all_counts()
    {
        await using var backend = new MoodyBackend { OnCheck = static number => number == 1 ? MoodyBackend.Healthy : "HTTP/1.1 503 Down\r\nx-envoy-immediate-health-check-fail: true\r\ncontent-length: 0\r\n\r\n" };
        await using var proxy = CheckedCluster.Start(CheckedCluster.Http, backend.Port);

        await proxy.UntilAsync(backend.Port, Failed | HostHealthFlags.ExcludedViaImmediateHealthCheckFail);
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.membership_excluded") == 1, "the gauge");

        backend.OnCheck = static _ => MoodyBackend.Healthy;
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
    }
}

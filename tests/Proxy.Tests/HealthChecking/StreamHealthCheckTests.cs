using AwesomeAssertions;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.HealthChecking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Checks by HTTP/2 and by gRPC (Envoy documentation, "HTTP health checking", "gRPC health checking").</summary>
public sealed class StreamHealthCheckTests
{
    private static readonly GrpcHealthCheck Grpc = new() { Authority = "check.test", ServiceName = "shop", HeaderLines = "user-agent: Envoy/HC\r\nx-team: blue\r\n" };

    /// <summary>What a backend answers a call with that is not healthy.</summary>
    private static readonly Dictionary<string, Http2Script> BadAnswers = new(StringComparer.Ordinal)
    {
        ["NOT_SERVING"] = Answer([0, 0, 0, 0, 2, 8, 2]),
        ["UNKNOWN"] = Answer([0, 0, 0, 0, 0]),
        ["SERVICE_UNKNOWN"] = Answer([0, 0, 0, 0, 2, 8, 3]),
        ["a status of gRPC"] = Answer([0, 0, 0, 0, 2, 8, 1], "14"),
        ["no status of gRPC"] = Answer([0, 0, 0, 0, 2, 8, 1], status: null),
        ["no message"] = Answer([]),
        ["two messages"] = Answer([0, 0, 0, 0, 2, 8, 1, 0, 0, 0, 0, 2, 8, 1]),
        ["a compressed message"] = Answer([1, 0, 0, 0, 2, 8, 1]),
        ["a message that is cut"] = Answer([0, 0, 0, 0, 9, 8, 1]),
        ["a long answer"] = Answer(new byte[5000]),
        ["UNIMPLEMENTED in the head alone"] = static stream => stream.SendHeadAsync(200, endStream: true, new RawHeader("content-type", "application/grpc"), new("grpc-status", "12")),
        ["another type"] = static stream => stream.AnswerAsync(200, "ok"),
        ["another status"] = static stream => stream.AnswerAsync(503),
    };

    public static TheoryData<string> BadNames => [.. BadAnswers.Keys];

    [Fact]
    public async Task An_endpoint_that_serves_is_healthy_and_asked_again_on_its_connection()
    {
        await using var backend = ScriptedHttp2Backend.Start(Answer([0, 0, 0, 0, 2, 8, 1]));
        await using var proxy = Start(Grpc, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await proxy.UntilMoreChecksAsync();

        proxy.CheckStat("failure").Should().Be(0);
        backend.Connections.Should().ContainSingle();
        var request = backend.Requests[0];
        (request.Method, request.Path, request.Authority, request.Scheme).Should().Be(("POST", "/grpc.health.v1.Health/Check", "check.test", "http"));
        request.Body.Should().Equal(0, 0, 0, 0, 6, 0x0A, 4, (byte)'s', (byte)'h', (byte)'o', (byte)'p');
        (request.Fields["content-type"], request.Fields["te"], request.Fields["user-agent"], request.Fields["x-team"]).Should().Be(("application/grpc", "trailers", "Envoy/HC", "blue"));
    }

    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task Any_other_answer_makes_it_unhealthy_at_once_until_it_serves_again(string what)
    {
        var answer = BadAnswers[what];
        var isGood = true;
        var good = Answer([0, 0, 0, 0, 2, 8, 1]);
        await using var backend = ScriptedHttp2Backend.Start(stream => Volatile.Read(ref isGood) ? good(stream) : answer(stream));
        await using var proxy = Start(Grpc, backend.Port, static check => check with { UnhealthyThreshold = 1000 });
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);

        Volatile.Write(ref isGood, false);
        await proxy.UntilFailedAsync(backend.Port);
        proxy.CheckStat("network_failure").Should().Be(0, what);

        Volatile.Write(ref isGood, true);
        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
    }

    [Fact]
    public async Task A_stream_that_is_reset_and_a_connection_that_ends_are_failures_of_the_network()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.InTurn(
            static stream => stream.ResetAsync(Http2ErrorCode.InternalError),
            static stream =>
            {
                stream.Connection.Close();
                return Task.CompletedTask;
            },
            Answer([0, 0, 0, 0, 2, 8, 1])));
        await using var proxy = Start(Grpc, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);

        proxy.CheckStat("network_failure").Should().Be(2);
        backend.Connections.Should().HaveCount(3);
    }

    [Fact]
    public async Task A_server_that_goes_away_between_checks_is_no_failure()
    {
        await using var backend = ScriptedHttp2Backend.Start(static async stream =>
        {
            await Answer([0, 0, 0, 0, 2, 8, 1])(stream);
            await stream.Connection.GoAwayAsync(stream.Id);
        });
        await using var proxy = Start(Grpc, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await proxy.UntilMoreChecksAsync();

        proxy.CheckStat("failure").Should().Be(0);
        backend.Connections.Count.Should().BeGreaterThan(1);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_has_failed()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.Hang());
        await using var proxy = Start(Grpc, backend.Port, static check => check with { Timeout = TimeSpan.FromMilliseconds(30) });

        await Patience.UntilAsync(() => proxy.CheckStat("network_failure") > 2, "failures");

        await proxy.UntilFailedAsync(backend.Port);
    }

    [Fact]
    public async Task A_check_by_HTTP_2_is_judged_as_one_by_HTTP_1_1()
    {
        var status = 200;
        await using var backend = ScriptedHttp2Backend.Start(async stream =>
        {
            await stream.ReadRequestAsync();
            await stream.AnswerAsync(Volatile.Read(ref status), "all is well");
        });
        var check = new HttpHealthCheck { Path = "/health?x", Host = "check.test", UsesHttp2 = true, Receive = new Collections.ValueList<Payload>([new Payload("is well"u8)]) };
        await using var proxy = Start(check, backend.Port);

        await proxy.UntilAsync(backend.Port, HostHealthFlags.None);
        await proxy.UntilMoreChecksAsync();
        backend.Connections.Should().ContainSingle();
        var request = backend.Requests[0];
        (request.Method, request.Path, request.Authority, request.Fields["user-agent"]).Should().Be(("GET", "/health?x", "check.test", "Envoy/HC"));

        Volatile.Write(ref status, 500);
        await proxy.UntilFailedAsync(backend.Port);
        proxy.CheckStat("network_failure").Should().Be(0);
    }

    private static Http2Script Answer(byte[] body, string? status = "0") => async stream =>
    {
        await stream.ReadRequestAsync();
        await stream.SendHeadAsync(200, endStream: false, new RawHeader("content-type", "application/grpc"));
        await stream.SendDataAsync(body, endStream: status is null);
        if (status is not null)
        {
            await stream.SendTrailersAsync(new RawHeader("grpc-status", status));
        }
    };

    private static Traffic.RunningProxy Start(HealthCheckProbe probe, int port, Func<HealthCheckConfig, HealthCheckConfig>? change = null)
    {
        var check = CheckedCluster.Checks(probe);
        var cluster = CheckedCluster.Of(change?.Invoke(check) ?? check, port);
        return CheckedCluster.Start(cluster with { Config = cluster.Config with { Protocol = UpstreamProtocol.Http2 } });
    }
}

using AwesomeAssertions;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Grpc;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Grpc;

/// <summary>How long a call may take by <c>grpc-timeout</c>, and what the upstream is told (Envoy's <c>max_stream_duration</c> and <c>max_grpc_timeout</c>).</summary>
public sealed class GrpcTimeoutTests
{
    private static readonly GrpcTimeoutPolicy Stream = new(BoundsStream: true) { Max = TimeSpan.FromSeconds(10) };
    private static readonly GrpcTimeoutPolicy Route = new(BoundsStream: false) { Max = TimeSpan.FromSeconds(10) };

    /// <summary>What the route says, what the client asks for, what the upstream is told; "-" for nothing.</summary>
    public static TheoryData<GrpcTimeoutPolicy?, string, string> Forwarded { get; } = new()
    {
        { null, "99H", "99H" },
        { Stream, "3S", "3000m" },
        { Stream, "1M", "10000m" },
        { Stream with { Max = TimeSpan.Zero }, "1H", "3600000m" },
        { Stream with { Max = TimeSpan.Zero }, "28H", "100800S" },
        { Stream with { Max = null }, "1M", "1M" },
        { Stream with { Offset = TimeSpan.FromSeconds(1) }, "3S", "2000m" },
        { Stream, "-", "-" },
        { Stream, "5", "5" },
        { Stream, "123456789m", "123456789m" },
        { Route, "3S", "3000m" },
        { Route, "1M", "10000m" },
        { Route, "-", "10000m" },
        { Route with { Max = TimeSpan.Zero }, "3S", "3000m" },
        { Route with { Max = TimeSpan.Zero }, "-", "-" },
        { Route with { Offset = TimeSpan.FromSeconds(1) }, "3S", "2000m" },
        { Route with { Offset = TimeSpan.FromSeconds(4) }, "3S", "3000m" },
    };

    [Theory]
    [MemberData(nameof(Forwarded))]
    public async Task The_upstream_is_told_the_time_that_it_has(GrpcTimeoutPolicy? policy, string asked, string told)
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(0));
        await using var proxy = Start(backend.Port, action => action with { GrpcTimeout = policy });

        await GrpcTraffic.CallAsync(proxy.Port, asked == "-" ? "" : $"grpc-timeout: {asked}\r\n");

        backend.Requests[0].Headers["grpc-timeout"].Should().Be(told == "-" ? null : told);
    }

    [Theory]
    [InlineData("20m", "max_duration_timeout", true)]
    [InlineData("0m", "max_duration_timeout", true)]
    [InlineData("20m", "upstream_response_timeout", false)]
    public async Task A_call_that_takes_longer_has_exceeded_its_deadline(string asked, string details, bool boundsStream)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(backend.Port, action => action with { GrpcTimeout = boundsStream ? Stream : Route });

        var response = await GrpcTraffic.CallAsync(proxy.Port, $"grpc-timeout: {asked}\r\n");

        response.Headers["grpc-status"].Should().Be("4");
        (await proxy.LogAsync()).Should().Contain(details);
    }

    [Fact]
    public async Task A_request_that_is_no_call_keeps_the_timeout_of_its_route()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Start(backend.Port, static action => action with { GrpcTimeout = Route, Timeout = TimeSpan.FromMilliseconds(20) });

        (await GrpcTraffic.CallAsync(proxy.Port, "grpc-timeout: 1H\r\n", type: "text/plain")).Status.Should().Be(504);
        backend.Requests[0].Headers["grpc-timeout"].Should().Be("1H");
    }

    [Fact]
    public async Task A_time_of_the_route_is_told_to_the_upstream_and_one_that_it_lifts_is_taken_out()
    {
        await using var backend = ScriptedBackend.Start(GrpcTraffic.Status(0));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { GrpcTimeout = Stream with { Max = null }, MaxStreamDuration = TimeSpan.FromSeconds(7) }),
            [RunningProxy.Cluster("backend", backend.Port)]);
        await using var lifted = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { GrpcTimeout = Stream with { Max = null }, MaxStreamDuration = TimeSpan.Zero }),
            [RunningProxy.Cluster("backend", backend.Port)],
            static http => http with { MaxStreamDuration = TimeSpan.FromSeconds(9) });

        await GrpcTraffic.CallAsync(proxy.Port);
        await GrpcTraffic.CallAsync(lifted.Port, "grpc-timeout: 3S\r\n");

        backend.Requests[0].Headers["grpc-timeout"].Should().Be("7000m");
        backend.Requests[1].Headers.Contains("grpc-timeout").Should().BeFalse();
    }

    [Theory]
    [InlineData("1n", 1)]
    [InlineData("1000001n", 2)]
    [InlineData("1001u", 2)]
    [InlineData("2M", 120_000)]
    [InlineData("99999999H", 99_999_999L * 3_600_000)]
    public void Units_are_read_and_begun_milliseconds_count(string text, long milliseconds)
    {
        GrpcTimeout.TryParse(System.Text.Encoding.ASCII.GetBytes(text), out var read).Should().BeTrue();
        read.Should().Be(milliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("-1S")]
    [InlineData("1s")]
    [InlineData("1.5S")]
    [InlineData("100000000S")]
    public void What_is_no_timeout_is_none(string text) => GrpcTimeout.TryParse(System.Text.Encoding.ASCII.GetBytes(text), out _).Should().BeFalse();

    [Theory]
    [InlineData(0, "0m")]
    [InlineData(99_999_999, "99999999m")]
    [InlineData(100_000_000, "100000S")]
    [InlineData(100_000_000_000, "1666666M")]
    [InlineData(long.MaxValue, "99999999H")]
    public void A_timeout_is_written_in_eight_digits(long milliseconds, string text)
    {
        var writer = new ByteWriter(new byte[GrpcTimeout.MaxLineLength]);
        GrpcTimeout.Write(ref writer, milliseconds);
        System.Text.Encoding.ASCII.GetString(writer.Written).Should().Be($"grpc-timeout: {text}\r\n");
    }

    private static RunningProxy Start(int port, Func<ForwardAction, ForwardAction> configure) =>
        RunningProxy.Start(RunningProxy.Everything("backend", configure), [RunningProxy.Cluster("backend", port)]);
}

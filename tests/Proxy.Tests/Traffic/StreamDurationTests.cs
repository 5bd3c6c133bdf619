using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>A cluster's <c>max_stream_duration</c>: from the connection to the end of the response, whatever moves meanwhile.</summary>
public sealed class StreamDurationTests
{
    private const string Reached = "UMSDR upstream_max_stream_duration_reached";

    /// <summary>Less than a route's timeout.</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);

    private readonly ManualClock _clock = new();

    [Fact]
    public async Task A_response_that_does_not_begin_in_time_is_answered_504_and_counted()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Proxy(backend.Port);
        var asked = RawHttpClient.GetAsync(proxy.Port);
        await backend.WaitForRequestsAsync(1);

        await PassAsync(proxy);

        var response = await asked;
        (response.Status, response.BodyText).Should().Be((504, "upstream max stream duration reached"));
        (await proxy.LogAsync()).Should().StartWith($"GET / 504 {Reached} ");
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_rq_tx_reset").Should().Be(1);
    }

    [Fact]
    public async Task A_stream_of_HTTP_2_is_reset_and_its_connection_goes_on()
    {
        await using var backend = ScriptedHttp2Backend.Start(Http2Scripts.InTurn(Http2Scripts.Hang(), Http2Scripts.Answer()));
        await using var proxy = Proxy(backend.Port, static cluster => cluster with { Protocol = UpstreamProtocol.Http2 });
        var asked = RawHttpClient.GetAsync(proxy.Port);
        await backend.WaitForRequestsAsync(1);

        await PassAsync(proxy);

        (await asked).Status.Should().Be(504);
        (await backend.Connections[0].Streams[1].WaitForResetAsync()).Should().Be(Http2ErrorCode.Cancel);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        backend.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task A_response_under_way_is_cut()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(async (connection, _) =>
        {
            await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello");
            await Task.Delay(Timeout.Infinite, connection.Stopping);
        }));
        await using var proxy = Proxy(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(200);
        await client.ReadBytesAsync(5);

        await PassAsync(proxy);

        await client.WaitForEndAsync();
        (await proxy.LogAsync()).Should().StartWith($"GET / 200 {Reached} ");
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(1);
    }

    [Fact]
    public async Task A_request_that_goes_on_is_answered_408()
    {
        var sent = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadHeadAsync();
            sent.Set();
            await connection.DrainAsync();
        });
        await using var proxy = Proxy(backend.Port, http: static http => http with { UseRemoteAddress = false });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");
        await sent.WaitAsync();

        await PassAsync(proxy);

        (await client.ReadResponseAsync()).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().StartWith($"POST / 408 {Reached} ");
    }

    [Fact]
    public async Task Another_attempt_has_its_own_time_where_the_policy_wants_one()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.Hang(), BackendScripts.Answer(200, "second")));
        await using var proxy = Proxy(backend.Port, action: static action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.Reset }, Timeout = TimeSpan.Zero });
        var asked = RawHttpClient.GetAsync(proxy.Port);
        await backend.WaitForRequestsAsync(1);

        await PassAsync(proxy);
        for (var (times, step) = (0, TimeSpan.FromMilliseconds(30)); backend.Requests.Count < 2 && times < 300; times++)
        {
            // The wait before the other attempt, never as long as that may take.
            _clock.Advance(step);
            await proxy.Engine.RentedBlocksAsync();
            await Task.WhenAny(asked, Task.Delay(50, TestContext.Current.CancellationToken));
        }

        (await asked).BodyText.Should().Be("second");
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(1);
    }

    [Theory]
    [InlineData("x-envoy-upstream-stream-duration-ms: 10000", 504)]
    [InlineData("x-envoy-upstream-stream-duration-ms: 0", 200)]
    public async Task What_the_request_says_goes_before_it(string header, int status)
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(go, 200, "late"));
        await using var proxy = Proxy(
            backend.Port,
            cluster => cluster with { MaxStreamDuration = status == 504 ? TimeSpan.FromHours(1) : Duration },
            static http => http with { InternalAddresses = [new CidrRange(IPAddress.Loopback, 8)] });
        var asked = RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n");
        await backend.WaitForRequestsAsync(1);

        await PassAsync(proxy);
        if (status == 200)
        {
            go.Set();
        }

        (await asked).Status.Should().Be(status);
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(status == 504 ? 1 : 0);
        backend.Requests[0].Headers.Contains("x-envoy-upstream-stream-duration-ms").Should().BeFalse("it is for this router");
    }

    [Fact]
    public async Task A_tunnel_ends()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
            await connection.ReadTextToEndAsync();
        });
        await using var proxy = Proxy(backend.Port, http: static http => http with { Upgrades = [new UpgradeConfig("websocket")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(101);

        await PassAsync(proxy);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.LogAsync()).Should().StartWith($"GET / 101 {Reached} ");
    }

    private async Task PassAsync(RunningProxy proxy)
    {
        _clock.Advance(Duration + TimeSpan.FromMilliseconds(100));
        await proxy.Engine.RentedBlocksAsync();
    }

    private RunningProxy Proxy(
        int port,
        Func<ClusterConfig, ClusterConfig>? cluster = null,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? http = null,
        Func<ForwardAction, ForwardAction>? action = null)
    {
        var specification = RunningProxy.Cluster("backend", port);
        var config = specification.Config with { MaxStreamDuration = Duration };
        return RunningProxy.Start(
            RunningProxy.Everything("backend", action), [specification with { Config = cluster?.Invoke(config) ?? config }], http, time: _clock);
    }
}

using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
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
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task A_response_that_does_not_begin_in_time_is_answered_504_and_counted()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Hang());
        await using var proxy = Proxy(backend.Port);

        var response = await RawHttpClient.GetAsync(proxy.Port);

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

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);
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

        var ask = () => RawHttpClient.GetAsync(proxy.Port);

        (await ask.Should().ThrowAsync<RawFramingException>()).Which.Partial!.BodyText.Should().Be("hello");
        (await proxy.LogAsync()).Should().StartWith($"GET / 200 {Reached} ");
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(1);
    }

    [Fact]
    public async Task A_request_that_goes_on_is_answered_408()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Proxy(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello");

        (await client.ReadResponseAsync()).Status.Should().Be(408);
        (await proxy.LogAsync()).Should().StartWith($"POST / 408 {Reached} ");
    }

    [Fact]
    public async Task Another_attempt_has_its_own_time_where_the_policy_wants_one()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.InTurn(BackendScripts.Hang(), BackendScripts.Answer(200, "second")));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", static action => action with { RetryPolicy = new RetryPolicy { RetryOn = RetryOn.Reset } }), [Cluster(backend.Port, null)]);

        (await RawHttpClient.GetAsync(proxy.Port)).BodyText.Should().Be("second");
        proxy.Stat("cluster.backend.upstream_rq_max_duration_reached").Should().Be(1);
    }

    [Theory]
    [InlineData("x-envoy-upstream-stream-duration-ms: 100", 504)]
    [InlineData("x-envoy-upstream-stream-duration-ms: 0", 200)]
    public async Task What_the_request_says_goes_before_it(string header, int status)
    {
        var go = new Signal();
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerAfter(go, 200, "late"));
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"),
            [Cluster(backend.Port, cluster => cluster with { MaxStreamDuration = status == 504 ? TimeSpan.FromHours(1) : Short })],
            static http => http with { InternalAddresses = [new CidrRange(IPAddress.Loopback, 8)] });

        var asked = RawHttpClient.ExchangeAsync(proxy.Port, $"GET / HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n");
        if (status == 200)
        {
            // One that the cluster's own time ends shows that it would have passed.
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(504);
            go.Set();
        }

        (await asked).Status.Should().Be(status);
        (await proxy.LogLinesAsync(1))[0].Should().StartWith($"GET / 504 {Reached} ");
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
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend"), [Cluster(backend.Port, null)], static http => http with { Upgrades = [new UpgradeConfig("websocket")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
        (await client.ReadHeadAsync()).Status.Should().Be(101);

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);

        (await proxy.LogAsync()).Should().StartWith($"GET / 101 {Reached} ");
    }

    private static RunningProxy Proxy(int port, Func<ClusterConfig, ClusterConfig>? configure = null) =>
        RunningProxy.Start(RunningProxy.Everything("backend"), [Cluster(port, configure)]);

    private static ClusterSpecification Cluster(int port, Func<ClusterConfig, ClusterConfig>? configure)
    {
        var cluster = RunningProxy.Cluster("backend", port);
        var config = cluster.Config with { MaxStreamDuration = Short };
        return cluster with { Config = configure?.Invoke(config) ?? config };
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Tests.Traffic;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Proxy.Upstream.CircuitBreaking;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.FilterChains;

/// <summary>Connections that are passed on as bytes.</summary>
public sealed class TcpProxyTests
{
    private static RunningProxy Start(Func<TcpProxyConfig, TcpProxyConfig>? configure, params ClusterSpecification[] clusters) =>
        ChainProxy.Start(listener => listener with { StatPrefix = "l", FilterChains = [ChainProxy.Tcp(listener, "backend", configure: configure)] }, clusters);

    private static RunningProxy To(params int[] ports) => Start(null, RunningProxy.Cluster("backend", ports));

    /// <summary>Reads everything, then sends it back and closes.</summary>
    private static ScriptedBackend EchoAtEnd() => ScriptedBackend.Start(async connection => await connection.SendAsync(await connection.ReadTextToEndAsync()));

    [Theory]
    [InlineData(1)]
    [InlineData(100_000)]
    [InlineData(5_000_000)]
    public async Task Bytes_go_both_ways_and_each_direction_ends_by_itself(int count)
    {
        await using var backend = EchoAtEnd();
        await using var proxy = To(backend.Port);
        var text = new string('x', count - 1) + "y";
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync(text);
            client.ShutdownSend();
            (Encoding.Latin1.GetString(await client.ReadToEndAsync()) == text).Should().BeTrue();
        }

        (await proxy.LogAsync()).Should().Be($"- backend - {count} {count} backend");
        proxy.Stat("tcp.test.downstream_cx_total").Should().Be(1);
        proxy.Stat("tcp.test.downstream_cx_rx_bytes_total").Should().Be(count);
        proxy.Stat("tcp.test.downstream_cx_tx_bytes_total").Should().Be(count);
        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_cx_rx_bytes_total").Should().Be(count);
        proxy.Stat("cluster.backend.upstream_cx_tx_bytes_total").Should().Be(count);
        proxy.Stat("cluster.backend.upstream_rq_active").Should().Be(0);
    }

    [Fact]
    public async Task An_endpoint_may_speak_first_and_end_first()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            await connection.SendAsync("220 hello\r\n");
            connection.ShutdownSend();
            (await connection.ReadTextToEndAsync()).Should().Be("bye");
        });
        await using var proxy = To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        Encoding.ASCII.GetString(await client.ReadToEndAsync()).Should().Be("220 hello\r\n");
        await client.SendAsync("bye");
        client.ShutdownSend();
        await proxy.WaitForNoConnectionsAsync();
    }

    [Fact]
    public async Task A_client_that_takes_nothing_stops_its_endpoint()
    {
        await using var backend = ScriptedBackend.Start(static async connection => await connection.SendAsync(new byte[40_000_000]));
        await using var proxy = To(backend.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port, receiveBuffer: 4096);
        await Patience.UntilAsync(async () => await proxy.Engine.RentedBlocksAsync() > 0, "bytes that wait");
        (await proxy.Engine.RentedBlocksAsync()).Should().BeLessThan(64);
        (await client.ReadToEndAsync()).Length.Should().Be(40_000_000);
        client.ShutdownSend();
    }

    [Fact]
    public async Task An_endpoint_that_cannot_be_reached_is_told_of()
    {
        using var dead = DeadPort.Refusing();
        await using var proxy = To(dead.Port);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        (await client.ReadToEndAsync()).Should().BeEmpty();
        (await proxy.LogAsync()).Should().Be("- backend UF,URX 0 0 backend");
        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_connect_attempts_exceeded").Should().Be(1);
    }

    [Fact]
    public async Task Another_endpoint_is_tried_as_often_as_is_said()
    {
        using var dead = DeadPort.Refusing();
        await using var backend = EchoAtEnd();
        await using var proxy = Start(static config => config with { MaxConnectAttempts = 2 }, RunningProxy.Cluster("backend", dead.Port, backend.Port));
        for (var i = 0; i < 4; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            await client.SendAsync("hello");
            client.ShutdownSend();
            Encoding.ASCII.GetString(await client.ReadToEndAsync()).Should().Be("hello");
        }

        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().BePositive();
        (await proxy.LogLinesAsync(4)).Should().Contain("- backend UF 5 5 backend");
    }

    [Fact]
    public async Task Without_a_cluster_and_without_endpoints_the_log_says_so()
    {
        await using var proxy = Start(null);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.ReadToEndAsync();
        }

        (await proxy.LogAsync()).Should().Be("- - NC 0 0 backend");
        proxy.Stat("tcp.test.downstream_cx_no_route").Should().Be(1);
        proxy.Engine.Apply(new ConfigurationChange { Clusters = new Dictionary<string, ClusterSpecification?> { ["backend"] = RunningProxy.Cluster("backend") } });
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.ReadToEndAsync();
        }

        (await proxy.LogAsync(2)).Should().Be("- backend UH 0 0 backend");
        proxy.Stat("cluster.backend.upstream_cx_none_healthy").Should().Be(1);
    }

    [Fact]
    public async Task The_limit_of_connections_holds()
    {
        await using var backend = EchoAtEnd();
        var cluster = RunningProxy.Cluster("backend", backend.Port);
        await using var proxy = Start(null, cluster with { Config = cluster.Config with { DefaultThresholds = new CircuitBreakerThresholds { MaxConnections = 1 } } });
        await using var first = await RawHttpClient.ConnectAsync(proxy.Port);
        await first.SendAsync("a");
        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 1, "the first connection");
        await using var second = await RawHttpClient.ConnectAsync(proxy.Port);
        (await second.ReadToEndAsync()).Should().BeEmpty();
        (await proxy.LogAsync()).Should().Be("- backend UO 0 0 backend");
        proxy.Stat("cluster.backend.upstream_cx_overflow").Should().Be(1);
        first.ShutdownSend();
        (await first.ReadToEndAsync()).Should().Equal((byte)'a');
    }

    [Fact]
    public async Task A_connection_without_bytes_ends()
    {
        await using var backend = EchoAtEnd();
        await using var proxy = Start(static config => config with { IdleTimeout = TimeSpan.FromMilliseconds(100) }, RunningProxy.Cluster("backend", backend.Port));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        (await client.ReadToEndAsync()).Should().BeEmpty();
        proxy.Stat("tcp.test.idle_timeout").Should().Be(1);
        await proxy.WaitForNoConnectionsAsync();
        await backend.Connections[0].Ended.WaitAsync();
    }

    [Fact]
    public async Task A_connection_lives_no_longer_than_it_may()
    {
        await using var backend = EchoAtEnd();
        await using var proxy = Start(static config => config with { MaxDownstreamConnectionDuration = TimeSpan.FromMilliseconds(100) }, RunningProxy.Cluster("backend", backend.Port));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        (await client.ReadToEndAsync()).Should().BeEmpty();
        proxy.Stat("tcp.test.max_downstream_connection_duration").Should().Be(1);
        (await proxy.LogAsync()).Should().Be("- backend DT 0 0 backend");
    }

    [Fact]
    public async Task A_reset_is_passed_on_either_way()
    {
        await using var backend = ScriptedBackend.Start(static async connection =>
        {
            if (await connection.ReadTextAsync(1) == "r")
            {
                connection.Reset();
                return;
            }

            await connection.DrainAsync();
        });
        await using var proxy = To(backend.Port);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("r");
            (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Reset);
        }

        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync("x");
            await Patience.UntilAsync(() => backend.Connections.Count == 2 && proxy.Stat("cluster.backend.upstream_cx_active") == 1, "the connection");
            client.Reset();
        }

        await proxy.WaitForNoConnectionsAsync();
        await backend.Connections[1].Ended.WaitAsync();
        backend.TakeFaults();
    }

    [Fact]
    public async Task Clusters_share_connections_by_weight()
    {
        await using var one = EchoAtEnd();
        await using var two = EchoAtEnd();
        await using var proxy = Start(
            static config => config with { Clusters = [new TcpClusterConfig("one", 1), new TcpClusterConfig("two", 3)] },
            RunningProxy.Cluster("one", one.Port), RunningProxy.Cluster("two", two.Port));
        for (var i = 0; i < 60; i++)
        {
            await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
            client.ShutdownSend();
            await client.ReadToEndAsync();
        }

        proxy.Stat("cluster.one.upstream_cx_total").Should().BeInRange(3, 30);
        proxy.Stat("cluster.two.upstream_cx_total").Should().BeInRange(30, 57);
    }
}

using System.Text;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Routing.Actions;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Upgrade (RFC 9110 §7.8): agreed with 101, after which both sides speak as they like.</summary>
public sealed class UpgradeTests
{
    private const string WebSocket = "GET /chat HTTP/1.1\r\nhost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nsec-websocket-key: x\r\n\r\n";
    private const string Agreement = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: y\r\n\r\n";

    [Fact]
    public async Task An_agreed_upgrade_carries_bytes_both_ways()
    {
        var sawFin = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            var text = await connection.ReadTextAsync(5);
            await connection.SendAsync($"got {text}");
            await connection.ReadTextToEndAsync();
            sawFin.Set();
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);

        var agreed = await client.ReadHeadAsync();
        agreed.Status.Should().Be(101);
        agreed.Headers["upgrade"].Should().Be("websocket");
        agreed.Headers["connection"].Should().Be("upgrade");
        agreed.Headers["sec-websocket-accept"].Should().Be("y");
        agreed.Headers.Contains("content-length").Should().BeFalse();
        agreed.Headers.Contains("transfer-encoding").Should().BeFalse();
        var sent = backend.Requests[0];
        sent.Headers["upgrade"].Should().Be("websocket");
        sent.Headers["connection"].Should().Be("upgrade");
        sent.Headers["sec-websocket-key"].Should().Be("x");

        await client.SendAsync("hello");
        Encoding.Latin1.GetString(await client.ReadBytesAsync(9)).Should().Be("got hello");
        proxy.Stat("http.test.downstream_cx_upgrades_active").Should().Be(1);
        client.ShutdownSend();
        await sawFin.WaitAsync();
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.LogAsync()).Should().Be("GET /chat 101 - via_upstream 5 9");
        proxy.Stat("http.test.downstream_cx_upgrades_total").Should().Be(1);
        proxy.Stat("http.test.downstream_cx_upgrades_active").Should().Be(0);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Theory]
    [InlineData(ServerHeaderTransformation.Overwrite, "kpn")]
    [InlineData(ServerHeaderTransformation.AppendIfAbsent, "theirs")]
    [InlineData(ServerHeaderTransformation.PassThrough, "theirs")]
    public async Task An_agreement_gets_the_fields_that_any_response_gets(ServerHeaderTransformation transformation, string server)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement.Replace("connection: Upgrade", "connection: Upgrade\r\nserver: theirs", StringComparison.Ordinal));
            await connection.ReadTextToEndAsync();
        });
        await using var proxy = RunningProxy.To(
            backend.Port, http => AllowWebSocket(http) with { ServerHeader = transformation, Via = "here" });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(WebSocket);

        var agreed = await client.ReadHeadAsync();
        agreed.Status.Should().Be(101);
        agreed.Headers["server"].Should().Be(server);
        agreed.Headers["via"].Should().Be("here");
        agreed.Headers.Contains("x-envoy-upstream-service-time").Should().BeTrue();
    }

    [Fact]
    public async Task Bytes_that_come_before_the_agreement_wait_for_it_and_arrive_in_order()
    {
        var asked = new Signal();
        var mayAgree = new Signal();
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            asked.Set();
            await mayAgree.WaitAsync();

            // Nothing but the head may have come up to here, whatever the client has sent since.
            Encoding.Latin1.GetString(connection.Received).Should().EndWith("\r\n\r\n").And.NotContain("early");
            await connection.SendAsync(Agreement + "first words");
            (await connection.ReadTextAsync(15)).Should().Be("early and later");
            await connection.SendAsync("done");
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket + "early");
        await asked.WaitAsync();
        await client.SendAsync(" and later");
        mayAgree.Set();

        (await client.ReadHeadAsync()).Status.Should().Be(101);
        Encoding.Latin1.GetString(await client.ReadBytesAsync(15)).Should().Be("first wordsdone");
        client.ShutdownSend();
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
    }

    [Fact]
    public async Task A_refused_upgrade_is_an_ordinary_response_and_what_came_early_reaches_nobody()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200, "no"));
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket + "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");

        var response = await client.ReadResponseAsync();
        response.Status.Should().Be(200);
        response.BodyText.Should().Be("no");
        response.Headers["connection"].Should().Be("close");
        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        backend.Requests.Should().ContainSingle();
        proxy.Stat("http.test.downstream_cx_upgrades_total").Should().Be(0);
    }

    [Theory]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\n\r\n")]
    public async Task An_agreement_to_something_else_is_a_bad_gateway(string answer)
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.AnswerRaw(answer));
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);

        (await client.ReadResponseAsync()).Status.Should().Be(502);
    }

    [Fact]
    public async Task An_upgrade_may_have_a_body_which_goes_before_the_switch()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync("HTTP/1.1 101 UPGRADED\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n");
            await connection.SendAsync(await connection.ReadTextToEndAsync());
        });
        await using var proxy = RunningProxy.To(backend.Port, http => http with { Upgrades = [new UpgradeConfig("tcp")] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync("POST /exec HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: tcp\r\ncontent-length: 4\r\n\r\nbo");
        await backend.WaitForConnectionAsync(1);
        await client.SendAsync("dy");
        (await client.ReadHeadAsync()).Reason.Should().Be("UPGRADED");
        await client.SendAsync("raw");
        client.ShutdownSend();

        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("raw");
        Encoding.Latin1.GetString(backend.Requests[0].Body).Should().Be("body");
    }

    [Fact]
    public async Task The_upstream_may_end_its_direction_first()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement + "bye");
            connection.ShutdownSend();
            (await connection.ReadTextToEndAsync()).Should().Be("still here");
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();
        Encoding.Latin1.GetString(await client.ReadToEndAsync()).Should().Be("bye");
        await client.SendAsync("still here");
        client.ShutdownSend();
        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();
    }

    [Fact]
    public async Task A_reset_of_the_upstream_is_a_reset_for_the_client()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            await connection.ReadTextAsync(2);
            connection.Reset();
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();
        await client.SendAsync("go");

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Reset);
        (await proxy.LogAsync()).Should().Contain(" 101 UC ");
    }

    [Fact]
    public async Task A_reset_of_the_client_ends_the_upstream()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();
        client.Reset();

        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();
        (await proxy.LogAsync()).Should().Contain(" 101 DC ");
    }

    [Fact]
    public async Task A_silent_tunnel_ends_after_the_stream_idle_timeout()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            await connection.DrainAsync();
        });
        await using var proxy = RunningProxy.To(backend.Port, http => AllowWebSocket(http) with { StreamIdleTimeout = TimeSpan.FromMilliseconds(80) });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();

        (await client.WaitForEndAsync()).Should().Be(ConnectionEnd.Orderly);
        (await proxy.LogAsync()).Should().Contain(" 101 SI stream_idle_timeout ");
    }

    [Fact]
    public async Task The_timeout_of_the_route_does_not_end_a_tunnel()
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            await connection.SendAsync(await connection.ReadTextAsync(2));
        });
        var clock = new ManualClock();
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { Timeout = TimeSpan.FromSeconds(1) }),
            [RunningProxy.Cluster("backend", backend.Port)],
            AllowWebSocket,
            time: clock);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();

        clock.Advance(TimeSpan.FromSeconds(60));
        await client.SendAsync("hi");

        Encoding.Latin1.GetString(await client.ReadBytesAsync(2)).Should().Be("hi");
        client.ShutdownSend();
        await client.WaitForEndAsync();
    }

    [Theory]
    [InlineData(true, null, 101)]
    [InlineData(true, false, 403)]
    [InlineData(false, true, 101)]
    [InlineData(false, null, 403)]
    [InlineData(null, true, 101)]
    [InlineData(null, null, 403)]
    public async Task The_route_goes_before_the_connection_manager(bool? manager, bool? route, int status)
    {
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            if (await connection.ReadRequestAsync() is not null)
            {
                await connection.SendAsync(Agreement);
            }
        });
        await using var proxy = RunningProxy.Start(
            RunningProxy.Everything("backend", action => action with { Upgrades = route is { } enabled ? [new UpgradeConfig("WebSocket", enabled)] : [] }),
            [RunningProxy.Cluster("backend", backend.Port)],
            http => http with { Upgrades = manager is { } allowed ? [new UpgradeConfig("WEBSOCKET", allowed)] : [] });
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);

        await client.SendAsync(WebSocket);

        (await client.ReadHeadAsync()).Status.Should().Be(status);
    }

    [Fact]
    public async Task Megabytes_cross_in_both_directions_at_once_without_a_byte_lost()
    {
        const int Size = 8 * 1024 * 1024;
        await using var backend = ScriptedBackend.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.SendAsync(Agreement);
            var received = connection.ReadTextToEndAsync();
            await connection.SendAsync(Pattern(Size, 7));
            connection.ShutdownSend();
            Encoding.Latin1.GetBytes(await received).AsSpan().SequenceEqual(Pattern(Size, 3)).Should().BeTrue();
        });
        await using var proxy = RunningProxy.To(backend.Port, AllowWebSocket);
        await using var client = await RawHttpClient.ConnectAsync(proxy.Port);
        await client.SendAsync(WebSocket);
        await client.ReadHeadAsync();

        var reading = client.ReadToEndAsync();
        await client.SendAsync(Pattern(Size, 3));
        client.ShutdownSend();

        (await reading).AsSpan().SequenceEqual(Pattern(Size, 7)).Should().BeTrue();
        await (await backend.WaitForConnectionAsync(1)).Ended.WaitAsync();
    }

    private static HttpConnectionManagerConfig AllowWebSocket(HttpConnectionManagerConfig http) => http with { Upgrades = [new UpgradeConfig("websocket")] };

    private static byte[] Pattern(int size, int step)
    {
        var bytes = new byte[size];
        for (var i = 0; i < size; i++)
        {
            bytes[i] = (byte)(i * step / 251);
        }

        return bytes;
    }
}

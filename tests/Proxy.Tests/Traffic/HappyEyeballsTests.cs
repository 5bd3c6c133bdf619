using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Endpoints with several addresses (Envoy documentation, "Happy Eyeballs Support").</summary>
public sealed class HappyEyeballsTests
{
    private const string Request = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    [Fact]
    public async Task The_next_address_is_tried_at_once_where_one_refuses()
    {
        using var refusing = DeadPort.Refusing();
        using var another = DeadPort.Refusing();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Start(refusing.Port, another.Port, backend.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);

        proxy.Stat("cluster.backend.upstream_cx_total").Should().Be(1, "it is one connection, however many addresses were tried");
        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().Be(0);
    }

    [Fact]
    public async Task The_next_address_is_tried_beside_one_that_does_not_answer_and_the_loser_is_closed()
    {
        using var silent = await DeadPort.SilentAsync();
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = Start(silent.Port, backend.Port);

        for (var i = 0; i < 3; i++)
        {
            (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        }

        backend.Connections.Should().ContainSingle("it is kept like any other");
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().Be(0);
    }

    [Fact]
    public async Task An_address_of_another_family_may_answer()
    {
        using var refusing = DeadPort.Refusing();
        Requires.That(System.Net.Sockets.Socket.OSSupportsIPv6, "no IPv6");
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo(), address: IPAddress.IPv6Loopback);
        await using var proxy = Start([new SocketEndpoint(IPAddress.Loopback, refusing.Port), new SocketEndpoint(IPAddress.IPv6Loopback, backend.Port)]);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task Where_every_address_refuses_it_is_503_UF()
    {
        using var refusing = DeadPort.Refusing();
        using var another = DeadPort.Refusing();
        await using var proxy = Start(refusing.Port, another.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);

        (await proxy.LogAsync()).Should().StartWith("GET / 503 UF ");
        proxy.Stat("cluster.backend.upstream_cx_connect_fail").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task The_connect_timeout_is_that_of_all_addresses_together()
    {
        using var silent = await DeadPort.SilentAsync();
        using var another = await DeadPort.SilentAsync();
        await using var proxy = Start(silent.Port, another.Port);

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(503);

        (await proxy.LogAsync()).Should().StartWith("GET / 503 UF ");
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().Be(1);
        proxy.Stat("cluster.backend.upstream_cx_active").Should().Be(0);
    }

    [Fact]
    public async Task Of_the_addresses_that_were_tried_no_socket_is_kept()
    {
        using var silent = await DeadPort.SilentAsync();
        using var refusing = DeadPort.Refusing();
        await using var backend = ScriptedBackend.Start(BackendScripts.EachRequest(static (connection, _) => connection.SendAsync("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")));
        SocketEndpoint At(int port) => new(IPAddress.Loopback, port);

        // Nobody can connect to all: that fails at once, without a wait.
        SocketEndpoint everyone = new(IPAddress.Broadcast, 9);
        foreach (var addresses in (SocketEndpoint[][])[[At(refusing.Port), everyone, At(backend.Port)], [At(silent.Port), everyone, At(refusing.Port), At(backend.Port)], [At(silent.Port), everyone], [everyone, At(refusing.Port)]])
        {
            await using var proxy = Start(addresses);
            for (var i = 0; i < 3; i++)
            {
                (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(addresses.Contains(At(backend.Port)) ? 200 : 503);
            }

            await Patience.UntilAsync(() => proxy.Engine.OpenDescriptors == 0, "the end of every socket");
        }
    }

    [Fact]
    public async Task A_client_that_leaves_ends_all_attempts()
    {
        using var silent = await DeadPort.SilentAsync();
        using var another = await DeadPort.SilentAsync();
        await using var proxy = Start(silent.Port, another.Port);
        await using (var client = await RawHttpClient.ConnectAsync(proxy.Port))
        {
            await client.SendAsync(Request);
            await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 1, "the attempt");
            client.Reset();
        }

        await Patience.UntilAsync(() => proxy.Stat("cluster.backend.upstream_cx_active") == 0, "the end of the attempt");
        proxy.Stat("cluster.backend.upstream_cx_connect_timeout").Should().Be(0);
    }

    private static RunningProxy Start(params int[] ports) => Start([.. ports.Select(static port => new SocketEndpoint(IPAddress.Loopback, port))]);

    private static RunningProxy Start(SocketEndpoint[] addresses) => RunningProxy.Start(RunningProxy.Everything("backend"),
    [
        new ClusterSpecification(
            new ClusterConfig { Name = "backend", ConnectTimeout = TimeSpan.FromSeconds(1) },
            [new EndpointConfig { Address = addresses[0], AdditionalAddresses = new ValueList<SocketEndpoint>(addresses.Skip(1)) }]),
    ]);
}

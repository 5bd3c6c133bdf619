using System.Net;
using System.Net.Sockets;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Config;
using KubeProxyNet.Testing.Http;
using static KubeProxyNet.Proxy.Tests.Config.ConfiguredProxy;

namespace KubeProxyNet.Proxy.Tests.Config;

public sealed class ListenerWarmingTests
{
    [Fact]
    public async Task A_listener_opens_when_its_routes_are_there()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Discovering("l", "r")).Rejections.Should().BeEmpty();
        proxy.Engine.AddressOf("l").Should().BeNull();
        proxy.State.RouteSubscriptions.Should().Equal("r");
        proxy.State.Warm.IsCompleted.Should().BeFalse();

        proxy.RouteTables(Routes("r", "nowhere"));
        (await RawHttpClient.GetAsync(proxy.Engine.AddressOf("l")!.Port)).Status.Should().Be(503);
        proxy.State.Warm.IsCompleted.Should().BeTrue();
        proxy.Stat("listener_manager.total_listeners_active").Should().Be(1);
    }

    [Fact]
    public async Task A_replacement_leaves_its_predecessor_open_until_its_routes_are_there()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Inline("l", "nowhere"));
        var before = proxy.Engine.AddressOf("l")!.Port;
        proxy.Listeners(Discovering("l", "r"));
        (await RawHttpClient.GetAsync(before)).Status.Should().Be(503);

        var routes = Routes("r", "nowhere");
        routes.VirtualHosts[0].Domains[0] = "elsewhere";
        proxy.RouteTables(routes);
        (await RawHttpClient.GetAsync(before)).Status.Should().Be(404, "its address is the same, so its socket stays");
        proxy.Stat("listener_manager.listener_modified").Should().Be(1);
    }

    [Fact]
    public async Task New_routes_are_in_force_at_once_and_bad_ones_leave_those_of_before()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Discovering("l", "r"), Discovering("other", "o"));
        proxy.RouteTables(Routes("r", "a"), Routes("o", "a"));
        var before = proxy.Snapshot;

        var bad = Routes("r", "b");
        bad.VirtualHosts[0].RequestHeadersToAdd.Add(new Envoy.Config.Core.V3.HeaderValueOption { Header = new() { Key = "x", Value = "%NO_SUCH%" } });
        proxy.RouteTables(bad).Rejections.Should().ContainSingle().Which.Name.Should().Be("r");
        proxy.Snapshot.Should().BeSameAs(before);

        proxy.RouteTables(Routes("r", "c"), Routes("o", "a"));
        proxy.Snapshot.RouteTables["r"].ClusterNames.Should().Equal("c");
        proxy.Snapshot.RouteTables["o"].Should().BeSameAs(before.RouteTables["o"]);
    }

    [Fact]
    public async Task A_listener_that_cannot_be_opened_is_reported_and_tried_again_when_it_is_sent_again()
    {
        await using var proxy = new ConfiguredProxy();
        var blocker = Occupy(out var port);
        var outcome = proxy.Listeners(Inline("busy", "a", port), Inline("free", "a"));
        outcome.Rejections.Should().ContainSingle().Which.Should().Match<ResourceRejection>(rejection =>
            rejection.Name == "busy" && rejection.Reason.StartsWith($"cannot listen on 127.0.0.1:{port}: the port is in use by another process"));
        proxy.Engine.AddressOf("free").Should().NotBeNull();
        proxy.Stat("listener_manager.listener_create_failure").Should().Be(1);

        blocker.Dispose();
        proxy.Listeners(Inline("busy", "a", port)).Rejections.Should().BeEmpty();
        proxy.Engine.AddressOf("busy")!.Port.Should().Be(port);
    }

    [Fact]
    public async Task The_last_good_version_of_a_listener_that_cannot_move_stays_open()
    {
        await using var proxy = new ConfiguredProxy();
        using var blocker = Occupy(out var port);
        proxy.Listeners(Inline("l", "a"));
        var before = proxy.Engine.AddressOf("l")!.Port;
        proxy.Listeners(Inline("l", "a", port)).Rejections.Should().ContainSingle();

        proxy.Listeners(Inline("another", "a")).Rejections.Should().BeEmpty();
        (await RawHttpClient.GetAsync(before)).Status.Should().Be(503);
        proxy.State.Accepted().Listeners.Select(static listener => listener.Name).Should().BeEquivalentTo("l", "another");
    }

    [Fact]
    public async Task Routes_are_not_refused_for_a_listener_that_cannot_be_opened()
    {
        await using var proxy = new ConfiguredProxy();
        using var blocker = Occupy(out var port);
        proxy.Listeners(Discovering("l", "r", port));
        proxy.RouteTables(Routes("r", "a")).Rejections.Should().BeEmpty();
        proxy.Log.Lines.Should().ContainSingle().Which.Should().StartWith($"Error: listener \"l\" cannot be opened: cannot listen on 127.0.0.1:{port}");
    }

    [Fact]
    public async Task Routes_that_do_not_come_are_waited_for_only_so_long()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Discovering("l", "r", source: "ads: {}, initial_fetch_timeout: 3s"), Discovering("patient", "p", source: "ads: {}, initial_fetch_timeout: 0s"));
        proxy.Clock.Advance(TimeSpan.FromSeconds(3));
        (await RawHttpClient.GetAsync(proxy.Engine.AddressOf("l")!.Port)).Status.Should().Be(404);
        proxy.Log.Lines.Should().Equal("Warning: no routes \"r\" came for listener \"l\" within 3 s; it goes into force without");
        proxy.Clock.Advance(TimeSpan.FromDays(1));
        proxy.Engine.AddressOf("patient").Should().BeNull();
    }

    [Fact]
    public async Task A_removed_listener_closes_and_its_routes_are_no_longer_asked_for()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Discovering("l", "r"), Discovering("warming", "w"));
        proxy.RouteTables(Routes("r", "a"));
        proxy.RemovedListeners("l", "warming");
        proxy.Engine.AddressOf("l").Should().BeNull();
        proxy.State.RouteSubscriptions.Should().BeEmpty();
        proxy.State.Accepted().Routes.Should().BeEmpty();
        proxy.State.Warm.IsCompleted.Should().BeTrue();

        proxy.Listeners(Discovering("l", "r"));
        proxy.Engine.AddressOf("l").Should().BeNull("routes of before may be of the past");
    }

    [Fact]
    public async Task Connections_of_a_listener_that_asks_for_other_routes_keep_theirs()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.Listeners(Discovering("l", "before"));
        proxy.RouteTables(Routes("before", "nowhere"));
        await using var client = await RawHttpClient.ConnectAsync(proxy.Engine.AddressOf("l")!.Port);
        await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        (await client.ReadResponseAsync()).Status.Should().Be(503);

        proxy.Listeners(Discovering("l", "after"));
        proxy.RouteTables(Routes("after", "nowhere"));
        proxy.State.Accepted().Routes.Select(static routes => routes.Name).Should().Equal("after");
        await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
        (await client.ReadResponseAsync()).Status.Should().Be(503, "without its routes it would be 404");
    }

    [Fact]
    public async Task Tables_of_routes_that_nobody_asks_for_do_not_pile_up()
    {
        await using var proxy = new ConfiguredProxy();
        for (var i = 0; i < 100; i++)
        {
            proxy.Listeners(Discovering("l", $"r{i}"));
            proxy.RouteTables(Routes($"r{i}", "a"));
        }

        proxy.Snapshot.RouteTables.Count.Should().BeLessThan(20);
        proxy.Snapshot.RouteTables.Should().ContainKey("r99");
    }

    [Fact]
    public async Task Listeners_of_the_bootstrap_can_be_neither_replaced_nor_removed()
    {
        await using var proxy = new ConfiguredProxy();
        proxy.State.SetListeners([Inline("l", "a"), Discovering("warming", "r")], [], "", ResourceOrigin.Bootstrap);
        var outcome = proxy.State.SetListeners([Inline("l", "b"), Inline("warming", "b")], ["l", "warming"], "1", ResourceOrigin.Wire);
        outcome.Rejections.Select(static rejection => rejection.Name).Should().Equal("l", "warming");
        proxy.Engine.AddressOf("l").Should().NotBeNull();
        proxy.State.RouteSubscriptions.Should().Equal("r");
    }

    [Fact]
    public async Task An_ipv6_address_leaves_ipv4_to_others_unless_it_is_compatible()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "there is no IPv6 here");
        await using var proxy = new ConfiguredProxy();
        var all = Inline("all", "a");
        all.Address.SocketAddress.Address = "::";
        proxy.Listeners(all).Rejections.Should().BeEmpty();
        var port = proxy.Engine.AddressOf("all")!.Port;
        proxy.Listeners(Inline("v4", "a", port)).Rejections.Should().BeEmpty();

        var both = Inline("both", "a");
        both.Address.SocketAddress.Address = "::";
        both.Address.SocketAddress.Ipv4Compat = true;
        proxy.Listeners(both).Rejections.Should().BeEmpty();
        (await RawHttpClient.GetAsync(proxy.Engine.AddressOf("both")!.Port)).Status.Should().Be(503);
    }

    private static Socket Occupy(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }
}

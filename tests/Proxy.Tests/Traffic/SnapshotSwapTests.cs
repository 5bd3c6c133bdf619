using System.Net;
using AwesomeAssertions;
using KubeProxyNet.Proxy.Listeners;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Traffic;

/// <summary>Changes of the configuration under traffic.</summary>
public sealed class SnapshotSwapTests
{
    [Fact]
    public async Task Endpoints_come_and_go_without_a_failed_request()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Echo());
        await using var two = ScriptedBackend.Start(BackendScripts.Echo());
        await using var three = ScriptedBackend.Start(BackendScripts.Echo());
        await using var proxy = RunningProxy.Start(RunningProxy.Everything("backend"), [RunningProxy.Cluster("backend", one.Port)], workers: 2);
        IReadOnlyList<TrafficRecord> ledger;
        await using (var traffic = SteadyTraffic.Start(proxy.Port, pace: TimeSpan.Zero))
        {
            int[][] lists = [[one.Port, two.Port], [two.Port], [two.Port, three.Port], [three.Port, one.Port], [one.Port]];
            for (var i = 0; i < 40; i++)
            {
                Change(proxy, RunningProxy.Cluster("backend", lists[i % lists.Length]));
                await traffic.WaitForMoreAsync(20);
            }

            ledger = await traffic.StopAsync();
        }

        ledger.Where(record => record.Response?.Status != 200).Should().BeEmpty();
        var served = one.Requests.Concat(two.Requests).Concat(three.Requests).Select(request => request.Headers[SteadyTraffic.IdHeader]).ToList();
        served.Should().OnlyHaveUniqueItems().And.HaveCount(ledger.Count);
        proxy.Stat("cluster.backend.membership_total").Should().Be(1);
    }

    [Fact]
    public async Task An_endpoint_that_leaves_loses_its_idle_connections()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(one.Port);
        await RawHttpClient.GetAsync(proxy.Port);

        Change(proxy, RunningProxy.Cluster("backend", two.Port));

        await one.Connections[0].Ended.WaitAsync();
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
        two.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task An_endpoint_that_stays_keeps_its_connections()
    {
        await using var one = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var two = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(one.Port);
        await RawHttpClient.GetAsync(proxy.Port);

        Change(proxy, RunningProxy.Cluster("backend", one.Port, two.Port));
        Change(proxy, RunningProxy.Cluster("backend", one.Port));
        await RawHttpClient.GetAsync(proxy.Port);

        one.Connections.Should().ContainSingle();
    }

    [Fact]
    public async Task A_listener_with_new_settings_on_its_address_keeps_its_connections()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port);
        var port = proxy.Port;
        await using var old = await RawHttpClient.ConnectAsync(port);
        await old.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        await old.ReadResponseAsync();

        proxy.Engine.Apply(new ConfigurationChange { Listeners = [proxy.Listener with { FilterChains = [new FilterChainConfig { Http = proxy.Listener.FilterChains[0].Http! with { ServerName = "new" } }] }] })
            .Should().BeEmpty();

        proxy.Port.Should().Be(port);
        (await RawHttpClient.GetAsync(port)).Headers["server"].Should().Be("new");
        await old.SendAsync("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        (await old.ReadResponseAsync()).Headers["server"].Should().Be("kpn", "an open connection keeps what it began with");
    }

    [Fact]
    public async Task A_listener_that_only_changes_its_name_keeps_its_port()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port);
        var port = proxy.Port;
        var settings = proxy.Engine.OpenListeners.Single().Config;

        proxy.Engine.Apply(new ConfigurationChange { Listeners = [settings with { Name = "renamed" }] }).Should().BeEmpty();

        proxy.Engine.AddressOf("renamed")!.Port.Should().Be(port);
        proxy.Engine.AddressOf("test").Should().BeNull();
        (await RawHttpClient.GetAsync(port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_port_in_use_is_reported_and_the_rest_goes_live()
    {
        await using var other = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(other.Port);
        var taken = proxy.Listener with { Name = "taken", Address = new SocketEndpoint(IPAddress.Loopback, other.Port) };
        var free = proxy.Listener with { Name = "free" };

        var failures = proxy.Engine.Apply(new ConfigurationChange { Listeners = [proxy.Listener, taken, free] });

        failures.Should().ContainSingle().Which.Should().Be(new ListenerFailure(
            "taken", $"cannot listen on 127.0.0.1:{other.Port}: the port is in use by another process; stop it (see `ss -ltnp`) or choose another port"));
        (await RawHttpClient.GetAsync(proxy.Engine.AddressOf("free")!.Port)).Status.Should().Be(200);
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    [Fact]
    public async Task A_discovered_route_table_is_used_from_the_next_request_on()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Answer(200));
        await using var proxy = RunningProxy.To(backend.Port, http => http with { InlineRoutes = null, RouteConfigName = "routes" });
        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(404);

        proxy.Engine.Apply(new ConfigurationChange
        {
            RouteTables = new Dictionary<string, KubeProxyNet.Proxy.Routing.RouteTable?>(StringComparer.Ordinal) { ["routes"] = RunningProxy.Everything("backend") },
        });

        (await RawHttpClient.GetAsync(proxy.Port)).Status.Should().Be(200);
    }

    private static void Change(RunningProxy proxy, ClusterSpecification cluster) => proxy.Engine.Apply(new ConfigurationChange
    {
        Clusters = new Dictionary<string, ClusterSpecification?>(StringComparer.Ordinal) { [cluster.Config.Name] = cluster },
    });
}

using System.Globalization;
using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Proxy.Tests.Config;
using KubeProxyNet.Proxy.Upstream;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.HealthChecking;

/// <summary>Checks that a bootstrap or a control plane asks for (Envoy documentation, "On eventually consistent service discovery").</summary>
public sealed class DiscoveredHealthTests
{
    private const string Checks = "health_checks: [{timeout: 5s, interval: 0.01s, no_traffic_interval: 0.01s, unhealthy_threshold: 2, healthy_threshold: 2, http_health_check: {path: /health}}]";

    [Fact]
    public async Task An_endpoint_that_discovery_drops_stays_while_it_passes_its_checks()
    {
        await using var staying = new MoodyBackend("staying");
        await using var dropped = new MoodyBackend("dropped");
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Discovered("c", Checks)).Rejections.Should().BeEmpty();
        proxy.Assignments(ConfiguredProxy.Assignment("c", staying.Port, dropped.Port)).Rejections.Should().BeEmpty();
        await UntilHealthyAsync(proxy, 2);
        staying.Checks[0].HeadText.Should().Contain("host: c\r\n", "the cluster's name is the default");

        proxy.Assignments(ConfiguredProxy.Assignment("c", staying.Port));
        proxy.PortsOf("c").Should().Equal(staying.Port, dropped.Port);
        FlagsOf(proxy, dropped.Port).Should().Be(HostHealthFlags.PendingDynamicRemoval);
        FlagsOf(proxy, staying.Port).Should().Be(HostHealthFlags.None);

        proxy.Assignments(ConfiguredProxy.Assignment("c", dropped.Port, staying.Port));
        FlagsOf(proxy, dropped.Port).Should().Be(HostHealthFlags.None, "it is named again");

        proxy.Assignments(ConfiguredProxy.Assignment("c"));
        proxy.PortsOf("c").Should().BeEquivalentTo([staying.Port, dropped.Port]);
        dropped.OnCheck = static _ => "HTTP/1.1 503 Going\r\ncontent-length: 0\r\n\r\n";
        await Patience.UntilAsync(() => proxy.PortsOf("c")!.SequenceEqual([staying.Port]), "its removal");
        await Patience.UntilAsync(() => dropped.OpenConnections == 0, "the end of its checks");
        proxy.Stat("cluster.c.membership_total").Should().Be(1);
    }

    [Fact]
    public async Task One_that_fails_already_leaves_at_once_and_so_does_any_where_health_is_to_be_ignored()
    {
        await using var good = new MoodyBackend("good");
        await using var bad = new MoodyBackend("bad") { OnCheck = static _ => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n" };
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Discovered("c", Checks), ConfiguredProxy.Discovered("ignoring", "ignore_health_on_host_removal: true, " + Checks));
        proxy.Assignments(ConfiguredProxy.Assignment("c", good.Port, bad.Port), ConfiguredProxy.Assignment("ignoring", good.Port));
        await UntilHealthyAsync(proxy, 1);
        await UntilHealthyAsync(proxy, 1, "ignoring");
        await Patience.UntilAsync(() => proxy.Stat("cluster.c.health_check.failure") > 0, "the failure");

        proxy.Assignments(ConfiguredProxy.Assignment("c", good.Port), ConfiguredProxy.Assignment("ignoring"));

        proxy.PortsOf("c").Should().Equal(good.Port);
        proxy.PortsOf("ignoring").Should().BeEmpty();
    }

    [Fact]
    public async Task One_that_discovery_called_unhealthy_does_not_stay()
    {
        await using var good = new MoodyBackend("good");
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Discovered("c", Checks));
        var unhealthy = ConfiguredProxy.Assignment("c", good.Port);
        unhealthy.Endpoints[0].LbEndpoints[0].HealthStatus = Envoy.Config.Core.V3.HealthStatus.Draining;
        proxy.Assignments(unhealthy);
        await Patience.UntilAsync(() => proxy.Stat("cluster.c.health_check.healthy") == 1, "the check");

        proxy.Assignments(ConfiguredProxy.Assignment("c"));

        proxy.PortsOf("c").Should().BeEmpty();
    }

    [Fact]
    public async Task A_static_cluster_has_the_endpoints_that_it_names()
    {
        await using var first = new MoodyBackend("first");
        await using var second = new MoodyBackend("second");
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Static("c", first.Port, Checks));
        await UntilHealthyAsync(proxy, 1);
        proxy.Clusters(ConfiguredProxy.Static("c", second.Port, Checks));
        proxy.PortsOf("c").Should().Equal(second.Port);
    }

    [Fact]
    public async Task Removing_the_cluster_ends_its_checks()
    {
        await using var backend = new MoodyBackend();
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Static("c", backend.Port, Checks));
        await UntilHealthyAsync(proxy, 1);

        proxy.Removed("c");

        await Patience.UntilAsync(() => backend.OpenConnections == 0, "the end of its checks");
        proxy.Stat("cluster.c.health_check.healthy").Should().Be(0);
    }

    [Fact]
    public async Task A_change_of_the_checks_over_the_wire_goes_live_and_a_bad_one_changes_nothing()
    {
        await using var backend = new MoodyBackend();
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(ConfiguredProxy.Static("c", backend.Port, Checks));
        await UntilHealthyAsync(proxy, 1);

        var refused = proxy.Clusters(ConfiguredProxy.Static("c", backend.Port, Checks.Replace("http_health_check: {path: /health}", "http_health_check: {path: \"/a b\"}", StringComparison.Ordinal)));
        refused.Rejections.Single().Reason.Should().Contain("health_checks[0].http_health_check.path");
        await Patience.UntilAsync(() => proxy.Stat("cluster.c.health_check.success") > 5, "checks that go on");

        proxy.Clusters(ConfiguredProxy.Static("c", backend.Port, Checks.Replace("/health", "/other", StringComparison.Ordinal))).Rejections.Should().BeEmpty();
        await Patience.UntilAsync(() => backend.Server.Requests.Any(static request => request.Target == "/other"), "the other check");
        FlagsOf(proxy, backend.Port).Should().Be(HostHealthFlags.None);
    }

    [Fact]
    public async Task A_bootstrap_is_served_without_what_fails_and_ready_after_the_first_checks()
    {
        var answer = new Signal();
        await using var good = ScriptedBackend.Start(BackendScripts.After(answer, BackendScripts.Echo()), "good");
        using var dead = DeadPort.Refusing();
        await using var proxy = await StartAsync(good.Port, dead.Port);
        await good.WaitForConnectionAsync(1);
        proxy.Ready.IsCompleted.Should().BeFalse("the first checks have not ended");

        answer.Set();
        await proxy.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var admin = proxy.AdminAddress!.Port;
        await Patience.UntilAsync(async () => (await RawHttpClient.GetAsync(admin, "/clusters")).BodyText.Contains($"c::127.0.0.1:{good.Port}::health_flags::healthy", StringComparison.Ordinal), "the good one");
        for (var i = 0; i < 6; i++)
        {
            (await RawHttpClient.GetAsync(proxy.ListenerAddress("l")!.Port)).Status.Should().Be(200);
        }

        (await RawHttpClient.GetAsync(admin, "/clusters")).BodyText.Should().Contain($"c::127.0.0.1:{dead.Port}::health_flags::/failed_active_hc");
        (await RawHttpClient.GetAsync(admin, "/clusters?format=json")).BodyText.Should().Contain("\"failed_active_health_check\": true");
        (await RawHttpClient.GetAsync(admin, "/stats")).BodyText.Should().Contain("cluster.c.health_check.healthy: 1").And.Contain("cluster.c.membership_healthy: 1");
        var explained = (await RawHttpClient.GetAsync(admin, $"/explain?url={Uri.EscapeDataString($"http://x:{proxy.ListenerAddress("l")!.Port}/")}")).BodyText;
        explained.Should().Contain($"- 127.0.0.1:{dead.Port} unknown (FailedActiveHealthCheck)").And.Contain($"+ 127.0.0.1:{good.Port} unknown,");
    }

    [Fact]
    public async Task Events_are_logged_as_lines_of_json()
    {
        using var folder = new TempFolder();
        var (few, all) = (folder.File("few.log"), folder.File("all.log"));
        await using var backend = new MoodyBackend
        {
            OnCheck = static number => number switch
        {
            1 => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
            2 or 3 => MoodyBackend.Healthy,
            4 => "HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n",
            5 => MoodyBackend.Healthy,
            _ => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        }
        };
        await using var proxy = new ConfiguredProxy();
        proxy.Clusters(
            ConfiguredProxy.Static("c", backend.Port, Checks.Replace("timeout:", $"event_log_path: {few}, timeout:", StringComparison.Ordinal))).Rejections.Should().BeEmpty();
        await Patience.UntilAsync(() => Lines(few).Length >= 5, "events");
        Lines(few).Select(static line => line[(line.IndexOf("\"c\",", StringComparison.Ordinal) + 4)..line.IndexOf(",\"timestamp", StringComparison.Ordinal)]).Should().Equal(
            "\"health_check_failure_event\":{\"failure_type\":\"ACTIVE\",\"first_check\":true}",
            "\"add_healthy_event\":{\"first_check\":false}",
            "\"degraded_healthy_host\":{}",
            "\"no_longer_degraded_host\":{}",
            "\"eject_unhealthy_event\":{\"failure_type\":\"ACTIVE\"}");
        Lines(few)[0].Should().StartWith(
            $"{{\"health_checker_type\":\"HTTP\",\"host\":{{\"socket_address\":{{\"protocol\":\"TCP\",\"address\":\"127.0.0.1\",\"resolver_name\":\"\",\"ipv4_compat\":false,\"port_value\":{backend.Port}}}}},\"cluster_name\":\"c\",");

        proxy.Clusters(ConfiguredProxy.Static("c", backend.Port, Checks.Replace(
            "timeout:",
            $"always_log_health_check_failures: true, event_logger: [{{name: f, typed_config: {{'@type': type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink, event_log_path: {all}}}}}], timeout:",
            StringComparison.Ordinal))).Rejections.Should().BeEmpty();
        await Patience.UntilAsync(() => Lines(all).Count(static line => line.Contains("health_check_failure_event", StringComparison.Ordinal)) >= 3, "more events");
    }

    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];

    private static Task UntilHealthyAsync(ConfiguredProxy proxy, int count, string cluster = "c") =>
        Patience.UntilAsync(() => proxy.Stat($"cluster.{cluster}.membership_healthy") == count, $"{count} healthy members of {cluster}");

    private static HostHealthFlags FlagsOf(ConfiguredProxy proxy, int port) =>
        proxy.Snapshot.Clusters["c"].Endpoints.Single(endpoint => endpoint.Config.Address.Port == port).State.Health.Flags;

    private static async Task<ProxyServer> StartAsync(params int[] ports)
    {
        var endpoints = string.Join(", ", ports.Select(static port => string.Create(CultureInfo.InvariantCulture, $"{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}")));
        var yaml = $$$"""
            admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
            static_resources:
              clusters:
              - {name: c, {{{Checks}}}, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{{{endpoints}}}]}]} }
              listeners:
              - name: l
                address: {socket_address: {address: 127.0.0.1, port_value: 0} }
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: s
                      route_config: {virtual_hosts: [{name: h, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c} }]}]}
                      http_filters:
                      - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
            """;
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Should().BeEmpty();
        return await ProxyServer.StartAsync(new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
    }
}

using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>Bootstraps that are well-formed and cannot be run say where and why, before the start and at it.</summary>
public sealed class BootstrapCheckTests
{
    private static LoadResult<Bootstrap> Load(string yaml)
    {
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Should().BeEmpty();
        return loaded;
    }

    private static Task<ProxyServer> StartAsync(string yaml)
    {
        var loaded = Load(yaml);
        return ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
    }

    private static string With(string cluster = "", string manager = "", int port = 0, int adminPort = 0) => $$$"""
        admin: {address: {socket_address: {address: 127.0.0.1, port_value: {{{adminPort}}} } } }
        static_resources:
          clusters:
          - name: c
            type: STATIC
            {{{cluster}}}
            load_assignment: {cluster_name: c}
          listeners:
          - name: l
            address: {socket_address: {address: 127.0.0.1, port_value: {{{port}}} } }
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: s
                  {{{manager}}}
                  route_config: {virtual_hosts: [{name: h, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c} }]}]}
                  http_filters:
                  - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
        """;

    [Fact]
    public void Every_fault_has_file_line_path_and_remedy()
    {
        var loaded = Load(With("least_request_lb_config: {choice_count: 101}", "codec_type: HTTP3"));
        BootstrapCheck.Faults(loaded.Value!, loaded.Places).Should().Equal(
            "envoy.yaml:6: static_resources.clusters[0].least_request_lb_config.choice_count: 101 is more than 100; write a number from 2 to 100",
            "envoy.yaml:17: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.codec_type: HTTP/3 is not supported; use AUTO, HTTP1 or HTTP2");
    }

    [Fact]
    public void Without_a_file_there_are_paths() =>
        BootstrapCheck.Faults(Load(With("least_request_lb_config: {choice_count: 101}")).Value!).Should().Equal("static_resources.clusters[0].least_request_lb_config.choice_count: 101 is more than 100; write a number from 2 to 100");

    [Fact]
    public void A_fault_of_discovery_has_its_line()
    {
        var loaded = Load("""
            dynamic_resources:
              cds_config:
                api_config_source: {api_type: GRPC, grpc_services: [{google_grpc: {target_uri: x, stat_prefix: x}}]}
            """);
        BootstrapCheck.Faults(loaded.Value!, loaded.Places).Should().Equal("envoy.yaml:2: dynamic_resources.cds_config: this source is not supported; use \"ads: {}\" or path_config_source");
    }

    [Fact]
    public async Task A_proxy_does_not_start_with_a_fault()
    {
        var start = () => StartAsync(With("least_request_lb_config: {choice_count: 101}", "codec_type: HTTP3"));
        (await start.Should().ThrowAsync<ProxyConfigurationException>()).Which.Message.Split(Environment.NewLine).Should().Equal(
            "envoy.yaml:6: static_resources.clusters[0].least_request_lb_config.choice_count: 101 is more than 100; write a number from 2 to 100",
            "envoy.yaml:17: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.codec_type: HTTP/3 is not supported; use AUTO, HTTP1 or HTTP2");
    }

    [Fact]
    public async Task A_port_in_use_is_a_fault_of_the_line_that_names_it()
    {
        await using var other = ScriptedBackend.Start(BackendScripts.Echo());
        var listener = () => StartAsync(With(port: other.Port));
        (await listener.Should().ThrowAsync<ProxyConfigurationException>()).Which.Message
            .Should().StartWith($"envoy.yaml:10: static_resources.listeners[0].address: cannot listen on 127.0.0.1:{other.Port}: the port is in use by another process;");
        var admin = () => StartAsync(With(adminPort: other.Port));
        (await admin.Should().ThrowAsync<ProxyConfigurationException>()).Which.Message.Should().StartWith("envoy.yaml:1: admin.address: ").And.Contain($"{other.Port}");
    }

    [Fact]
    public async Task A_started_proxy_tells_of_itself()
    {
        await using var server = await StartAsync(With());
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var stats = (await RawHttpClient.GetAsync(server.AdminAddress!.Port, "/stats")).BodyText.Split('\n');
        stats.Should().Contain(["server.live: 1", "server.state: 0", "server.concurrency: 1", "cluster_manager.active_clusters: 1", "listener_manager.total_listeners_active: 1"]);
        stats.Should().Contain(static line => line.StartsWith("server.uptime: "));
        (await RawHttpClient.GetAsync(server.ListenerAddress("l")!.Port)).Status.Should().Be(503);
    }

    [Fact]
    public async Task A_name_of_an_ip_address_is_resolved_before_the_proxy_is_ready()
    {
        await using var backend = ScriptedBackend.Start(BackendScripts.Echo());
        await using var server = await StartAsync(With().Replace("type: STATIC", "type: STRICT_DNS").Replace(
            "{cluster_name: c}", $"{{cluster_name: c, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend.Port}}}}}}}}}]}}]}}"));
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        (await RawHttpClient.GetAsync(server.ListenerAddress("l")!.Port)).Status.Should().Be(200);
    }
}

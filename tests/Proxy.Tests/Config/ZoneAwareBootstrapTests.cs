using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeProxyNet.Proxy.Tests.Config;

/// <summary>A proxy that knows its zone from its bootstrap.</summary>
public sealed class ZoneAwareBootstrapTests
{
    [Theory]
    [InlineData("east", "near")]
    [InlineData("west", "far")]
    public async Task Requests_stay_in_the_zone_of_the_node(string zone, string answer)
    {
        await using var near = ScriptedBackend.Start(BackendScripts.Answer(200, "near"));
        await using var far = ScriptedBackend.Start(BackendScripts.Answer(200, "far"));
        await using var proxy = await StartAsync($$$"""
            node: {id: n, cluster: c, locality: {region: r, zone: {{{zone}}} } }
            admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0} } }
            cluster_manager: {local_cluster_name: proxies}
            static_resources:
              clusters:
              - name: proxies
                load_assignment: {cluster_name: proxies, endpoints: [{{{Place("east", 1)}}}, {{{Place("west", 2)}}}]}
              - name: backends
                common_lb_config: {zone_aware_lb_config: {min_cluster_size: 2}}
                load_assignment: {cluster_name: backends, endpoints: [{{{Place("east", near.Port)}}}, {{{Place("west", far.Port)}}}]}
              listeners:
              - name: l
                address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: s
                      route_config: {virtual_hosts: [{name: h, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: backends}}]}]}
                      http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
            """);

        for (var i = 0; i < 8; i++)
        {
            (await RawHttpClient.GetAsync(proxy.ListenerAddress("l")!.Port)).BodyText.Should().Be(answer);
        }

        (await RawHttpClient.GetAsync(proxy.AdminAddress!.Port, "/stats?filter=backends.lb_zone")).BodyText.Split('\n').Should().Contain("cluster.backends.lb_zone_routing_all_directly: 8");
    }

    private static string Place(string zone, int port) =>
        $"{{locality: {{region: r, zone: {zone}}}, lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}";

    private static async Task<ProxyServer> StartAsync(string yaml)
    {
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        var server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1 }, NullLoggerFactory.Instance);
        await server.Ready.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        return server;
    }
}

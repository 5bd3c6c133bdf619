using System.Text;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Xds.Loading;

namespace KubeProxyNet.Proxy.Tests.Config.Tls;

/// <summary>Secret discovery services as bootstraps name them: what can be asked is taken, and what cannot is refused with the reason and a remedy.</summary>
public sealed class SecretServiceReadingTests
{
    private const string Place = "static_resources.clusters[1].transport_socket.typed_config.common_tls_context";
    private const string Source = Place + ".validation_context_sds_secret_config.sds_config.api_config_source";

    [Theory]
    [InlineData("api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: sds}}]")]
    [InlineData("api_type: DELTA_GRPC, transport_api_version: V3, set_node_on_first_message_only: true, grpc_services: [{envoy_grpc: {cluster_name: sds}}]")]
    [InlineData("api_type: GRPC, grpc_services: [{google_grpc: {target_uri: 'unix:/run/sds.sock', stat_prefix: sds}}]")]
    [InlineData("api_type: GRPC, grpc_services: [{google_grpc: {target_uri: 'sds.example:443', stat_prefix: sds}}]")]
    public void A_service_that_can_be_asked_is_taken(string source) => FaultsOf(source).Should().BeEmpty();

    [Theory]
    [InlineData("api_type: REST, grpc_services: [{envoy_grpc: {cluster_name: sds}}]", Source + ".api_type: Rest is not supported for secrets; use GRPC or DELTA_GRPC")]
    [InlineData("api_type: GRPC, cluster_names: [sds]", Source + ".cluster_names: \"cluster_names\" is a field of the xDS API that this proxy does not act on; remove it")]
    [InlineData("api_type: AGGREGATED_GRPC", Source + ".api_type: AggregatedGrpc is not supported for secrets; write \"ads: {}\" in place of api_config_source")]
    [InlineData("api_type: GRPC", Source + ".grpc_services: there are 0 services; give exactly one")]
    [InlineData(
        "api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: sds}}, {envoy_grpc: {cluster_name: sds}}]", Source + ".grpc_services: there are 2 services; give exactly one")]
    [InlineData(
        "api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: other}}]",
        Place + ": api_config_source of its secrets: there is no static cluster \"other\"; add it to static_resources.clusters")]
    [InlineData(
        "api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: empty}}]",
        Place + ": api_config_source of its secrets: the cluster \"empty\" has no endpoint; give it a load_assignment")]
    public void A_service_that_cannot_be_asked_is_refused(string source, string fault) => FaultsOf(source).Should().Contain(found => found.EndsWith(fault, StringComparison.Ordinal));

    private static IReadOnlyList<string> FaultsOf(string source)
    {
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes($$"""
            static_resources:
              clusters:
              - {name: sds, type: STATIC, load_assignment: {cluster_name: sds, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1} } } }]}]} }
              - name: a
                type: STATIC
                load_assignment: {cluster_name: a}
                transport_socket:
                  name: tls
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                    sni: a.example
                    common_tls_context: {validation_context_sds_secret_config: {name: ca, sds_config: {api_config_source: { {{source}} } } } }
              - {name: empty, type: STATIC, load_assignment: {cluster_name: empty} }
            """));
        return loaded.Value is { } bootstrap ? BootstrapCheck.Faults(bootstrap) : [.. loaded.Errors.Select(static error => error.ToString())];
    }
}

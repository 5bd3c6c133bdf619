using System.Text.Json;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>Configuration of TLS as Envoy takes it, in flow style.</summary>
internal static class TlsText
{
    private const string Hcm = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    private const string DownstreamContext = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
    private const string Inspector = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
    private const string Router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

    /// <summary>A listener named "tls", on any port.</summary>
    /// <param name="chains">Filter chains, separated by commas.</param>
    /// <param name="more">More fields, each with a comma behind it.</param>
    /// <param name="name">Its name, and that of its statistics.</param>
    /// <param name="inspects">True to have a tls_inspector.</param>
    public static string Listener(string chains, string more = "", string name = "tls", bool inspects = true) => $$"""
        {
          name: {{name}}, stat_prefix: {{name}}, address: {socket_address: {address: 127.0.0.1, port_value: 0} }, {{more}}
          listener_filters: [{{(inspects ? $$"""{name: inspector, typed_config: {"@type": {{Inspector}} } }""" : "")}}],
          filter_chains: [{{chains}}]
        }
        """.ReplaceLineEndings(" ");

    /// <summary>A filter chain that ends TLS.</summary>
    /// <param name="context">The <c>DownstreamTlsContext</c>: see <c>TlsContext</c>.</param>
    /// <param name="names">Server names that it is for; none for all.</param>
    /// <param name="http">More fields of the connection manager, each with a comma behind it.</param>
    /// <param name="routes">Routes; all to the cluster "backend" by default.</param>
    /// <param name="host">Fields of the virtual host, each with a comma behind it.</param>
    /// <param name="chain">More fields of the chain, each with a comma behind it.</param>
    public static string Chain(
        string context, string name = "web", string[]? names = null, string http = "", string routes = "{match: {prefix: /}, route: {cluster: backend, timeout: 60s}}", string host = "", string chain = "") => $$"""
        {
          name: {{name}}, {{chain}}
          filter_chain_match: { {{(names is null ? "" : $"server_names: [{string.Join(',', names)}]")}} },
          transport_socket: {name: tls, typed_config: {"@type": {{DownstreamContext}}, {{context}} } },
          filters: [{name: http, typed_config: {
            "@type": {{Hcm}}, stat_prefix: {{name}}, use_remote_address: true, {{http}}
            route_config: {name: {{name}}, virtual_hosts: [{name: all, {{host}} domains: ["*"], routes: [{{routes}}]}]},
            http_filters: [{name: router, typed_config: {"@type": {{Router}} } }]
          } }]
        }
        """;

    /// <summary>Answers everything itself.</summary>
    public static string Says(string text) => $$"""{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: {{text}} } } }""";

    /// <summary>The fields of a <c>DownstreamTlsContext</c>.</summary>
    /// <param name="certificates">Certificates to choose from.</param>
    /// <param name="common">More fields of the common context, each with a comma behind it.</param>
    /// <param name="validation">The validation context's fields; null to ask for no certificate.</param>
    /// <param name="required">True to refuse clients without a certificate.</param>
    /// <param name="more">More fields of the context.</param>
    public static string TlsContext(IEnumerable<string> certificates, string common = "", string? validation = null, bool required = true, string more = "") => $$"""
        common_tls_context: { {{common}} {{(validation is null ? "" : $"validation_context: {{{validation}}},")}} tls_certificates: [{{string.Join(',', certificates)}}] },
        require_client_certificate: {{(validation is not null && required ? "true" : "false")}}, {{more}}
        """;

    /// <inheritdoc cref="TlsContext(IEnumerable{string}, string, string?, bool, string)"/>
    public static string TlsContext(TestCertificate certificate, string common = "", string? validation = null, bool required = true, string more = "") =>
        TlsContext([Certificate(certificate)], common, validation, required, more);

    public static string Certificate(TestCertificate certificate, byte[]? staple = null) => $$"""
        {certificate_chain: {{Inline(certificate.Chain)}}, private_key: {{Inline(certificate.Key)}} {{(staple is null ? "" : $", ocsp_staple: {{inline_bytes: \"{Convert.ToBase64String(staple)}\"}}")}} }
        """;

    /// <summary>Trust in an authority, as a field.</summary>
    public static string Trust(string pem) => $"trusted_ca: {Inline(pem)}";

    /// <summary>A data source with this text.</summary>
    public static string Inline(string text) => $"{{inline_string: {JsonSerializer.Serialize(text)}}}";

    /// <summary>A static cluster "backend".</summary>
    public static string Cluster(int port) => $$"""
        {name: backend, connect_timeout: 2s, load_assignment: {cluster_name: backend, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: {{port}} } } } }]}]} }
        """;
}

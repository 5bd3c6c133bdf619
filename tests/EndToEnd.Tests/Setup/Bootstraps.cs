using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;

namespace KubeProxyNet.EndToEnd.Tests.Setup;

/// <summary>Texts of Envoy bootstraps.</summary>
internal static class Bootstraps
{
    /// <summary>Where the certificate of <see cref="Secure"/> stands in its folder.</summary>
    public const string CertificateFile = "tls.pem";

    /// <summary>Everything over ADS.</summary>
    public static string Dynamic(int adminPort, int xdsPort, string initialFetchTimeout = "15s", string staticListeners = "[]") => $$"""
        node: { id: test-proxy, cluster: test }
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{adminPort}} } } }
        dynamic_resources:
          ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: control-plane } } ] }
          cds_config: { ads: {}, resource_api_version: V3, initial_fetch_timeout: {{initialFetchTimeout}} }
          lds_config: { ads: {}, resource_api_version: V3, initial_fetch_timeout: {{initialFetchTimeout}} }
        static_resources:
          listeners: {{staticListeners}}
          clusters:
          - name: control-plane
            type: STATIC
            connect_timeout: 1s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: { http2_protocol_options: {} }
            load_assignment: {{Assignment("control-plane", xdsPort)}}
        """;

    /// <summary>Everything in the file.</summary>
    public static string Static(int adminPort, string listeners, string clusters) => $$"""
        node: { id: test-proxy, cluster: test }
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{adminPort}} } } }
        static_resources:
          listeners: [ {{listeners}} ]
          clusters: [ {{clusters}} ]
        """;

    /// <summary>A STATIC cluster on 127.0.0.1, in flow style.</summary>
    public static string Cluster(string name, params int[] ports) =>
        $$"""{ name: {{name}}, type: STATIC, connect_timeout: 1s, load_assignment: {{Assignment(name, ports)}} }""";

    /// <summary>A listener on 127.0.0.1 with one virtual host, in flow style.</summary>
    /// <param name="routes">Routes, in flow style, separated by commas.</param>
    /// <param name="http">More fields of the connection manager, in flow style, each followed by a comma.</param>
    public static string Listener(string name, int port, string routes, string http = "") => $$"""
        {
          name: {{name}}, address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } },
          filter_chains: [ { filters: [ { name: envoy.filters.network.http_connection_manager, typed_config: {
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
            stat_prefix: {{name}}, {{http}}
            route_config: { name: {{name}}, virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ {{routes}} ] } ] },
            http_filters: [ { name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ]
          } } ] } ]
        }
        """.ReplaceLineEndings(" ");

    /// <summary>A listener that ends TLS, with <c>h2</c> and <c>http/1.1</c> offered by ALPN and a certificate for localhost and 127.0.0.1.</summary>
    /// <param name="listener">One of <see cref="Listener"/>.</param>
    /// <param name="folder">Where the certificate and its key are written to.</param>
    public static string Secure(string listener, TempFolder folder)
    {
        var certificate = TestCertificate.SelfSigned("localhost", "ip:127.0.0.1");
        return listener.Replace(
            "filter_chains: [ { ",
            $$"""
            filter_chains: [ { transport_socket: { name: envoy.transport_sockets.tls, typed_config: {
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
              common_tls_context: { alpn_protocols: [ h2, http/1.1 ], tls_certificates: [ {
                certificate_chain: { filename: {{folder.Write(CertificateFile, certificate.Chain)}} }, private_key: { filename: {{folder.Write("tls.key", certificate.Key)}} } } ] } } },
            """.ReplaceLineEndings(" "),
            StringComparison.Ordinal);
    }

    /// <summary>A route of everything to a cluster, in flow style.</summary>
    public static string Route(string cluster) => $$"""{ match: { prefix: "/" }, route: { cluster: {{cluster}} } }""";

    /// <summary>Endpoints on 127.0.0.1, in flow style.</summary>
    public static string Assignment(string name, params int[] ports)
    {
        var endpoints = ports.Select(port => $$"""{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } } } }""");
        return $$"""{ cluster_name: {{name}}, endpoints: [ { lb_endpoints: [ {{string.Join(", ", endpoints)}} ] } ] }""";
    }
}

using System.Globalization;

namespace KubeProxyNet.Load.Contenders;

/// <summary>The routes and clusters that kpn is given: one virtual host, a prefix for each route, the clusters to the routes in turn.</summary>
/// <param name="Routes">1: the prefix "/" alone. Otherwise it follows after all others.</param>
/// <param name="Clusters">All of them lead to the one backend.</param>
/// <param name="Asked">How many of the routes are asked for, spread evenly over the table.</param>
internal sealed record KpnTable(int Routes, int Clusters, int Asked)
{
    public IReadOnlyList<string> Paths => Routes == 1 ? ["/"] : [.. Enumerable.Range(1, Asked).Select(i => Path((i * (long)Routes / Asked) - 1))];

    /// <summary>The routes of the bootstrap.</summary>
    public string RouteLines => string.Join(
        '\n', Enumerable.Range(0, Routes == 1 ? 0 : Routes).Select(i => Route(Path(i), i % Clusters)).Append(Route("/", 0)));

    /// <summary>The clusters of the bootstrap.</summary>
    /// <param name="backendPort">Where all of them lead to.</param>
    /// <param name="http2">They are spoken to in HTTP/2, by prior knowledge.</param>
    public string ClusterLines(int backendPort, bool http2 = false) =>
        string.Join('\n', Enumerable.Range(0, Clusters).Select(i => Cluster(i, backendPort) + (http2 ? $"\n{Http2}" : "")));

    private const string Http2 = """
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: { http2_protocol_options: {} }
        """;

    // As long in a small table as in a large one.
    private static string Path(long number) => string.Create(CultureInfo.InvariantCulture, $"/route-{number:D5}/");

    private static string Route(string prefix, int cluster) => $$"""
                      - match: { prefix: "{{prefix}}" }
                        route: { cluster: backend-{{cluster}} }
        """;

    private static string Cluster(int number, int backendPort) => $$"""
          - name: backend-{{number}}
            type: STATIC
            connect_timeout: 5s
            load_assignment:
              cluster_name: backend-{{number}}
              endpoints:
              - lb_endpoints:
                - endpoint:
                    address:
                      socket_address: { address: 127.0.0.1, port_value: {{backendPort}} }
        """;
}

using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Scenarios;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Contenders;

/// <summary>Our own proxy, from a binary that was given or one published with NativeAOT for the occasion.</summary>
/// <param name="name">What the report calls it.</param>
/// <param name="table">Its routes and clusters.</param>
/// <param name="binary">Null: that of <see cref="LoadOptions.KpnPath"/>.</param>
internal sealed class KpnContender(string name, KpnTable table, string? binary = null) : Contender
{
    private const string HeapStat = "server.worker_heap_allocated_bytes";

    private readonly int _adminPort = LoopbackPort.Free();
    private string _binary = "";

    public override string Name => name;

    public override IReadOnlyList<string> Paths => table.Paths;

    public override Task<string> VersionAsync(CancellationToken cancel) => KpnBinary.VersionAsync(_binary, cancel);

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel)
    {
        _binary = binary ?? site.Options.KpnPath!;
        var file = Path.Combine(site.Folder, "bootstrap.yaml");
        await File.WriteAllTextAsync(file, Configuration(site), cancel);
        string[] arguments = ["proxy", "-c", file, "--concurrency", "1"];
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DOTNET_PROCESSOR_COUNT"] = "1" };
        return _binary.EndsWith(".dll", StringComparison.Ordinal)
            ? RunningProcess.Start(site.Core, "dotnet", [_binary, .. arguments], environment)
            : RunningProcess.Start(site.Core, _binary, arguments, environment);
    }

    public override async Task<long?> HeapBytesAsync(CancellationToken cancel)
    {
        using var client = new HttpClient();
        var text = await client.GetStringAsync(new Uri($"http://127.0.0.1:{_adminPort}/stats?filter={HeapStat}"), cancel);
        return long.TryParse(text.Split(':')[^1].Trim(), out var bytes) ? bytes : null;
    }

    private string Configuration(ContenderSite site) => $$"""
        node: { id: load, cluster: load }
        admin:
          address:
            socket_address: { address: 127.0.0.1, port_value: {{_adminPort}} }
        static_resources:
          listeners:
          - name: ingress
            address:
              socket_address: { address: 127.0.0.1, port_value: {{site.Port}} }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: ingress
                  codec_type: {{(site.Options.Scenario.IsHttp2() && site.Certificate is null ? "HTTP2" : "AUTO")}}
                  use_remote_address: true
                  route_config:
                    name: local
                    virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
        {{table.RouteLines}}
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
        {{(site.Certificate is { } certificate ? TransportSocket(certificate, site.Options.Scenario.IsHttp2() ? "h2, http/1.1" : "http/1.1") : "")}}
          clusters:
        {{table.ClusterLines(site.BackendPort, http2: site.Options.Scenario == Scenario.Http2Grpc)}}

        """;

    private static string TransportSocket(ServerCertificate certificate, string protocols) => $$"""
              transport_socket:
                name: envoy.transport_sockets.tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  common_tls_context:
                    alpn_protocols: [{{protocols}}]
                    tls_params: { ecdh_curves: [{{Negotiated.KeyExchange}}] }
                    tls_certificates:
                    - certificate_chain: { filename: "{{certificate.ChainFile}}" }
                      private_key: { filename: "{{certificate.KeyFile}}" }
        """;
}

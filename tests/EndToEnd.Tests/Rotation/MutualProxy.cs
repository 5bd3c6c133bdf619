using System.Globalization;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>A proxy process that speaks mutual TLS with its clients and with its one endpoint, and has all secrets from elsewhere: <c>web</c>, <c>clients</c>, <c>proxy</c> and <c>servers</c>.</summary>
internal sealed class MutualProxy : IAsyncDisposable
{
    private MutualProxy(TempFolder folder, ScriptedBackend backend, TlsFront front) => (Folder, Backend, Front) = (folder, backend, front);

    public TempFolder Folder { get; }

    public ScriptedBackend Backend { get; }

    /// <summary>TLS of the endpoint.</summary>
    public TlsFront Front { get; }

    public int Port { get; } = FreePort.Take();

    public int AdminPort { get; } = FreePort.Take();

    public ChildProcess Process { get; private set; } = null!;

    /// <summary>Starts the proxy; it need not be ready yet.</summary>
    /// <param name="identity">What the endpoint is and trusts at first.</param>
    /// <param name="source">Where secrets come from, by their name: a <c>ConfigSource</c> in flow style.</param>
    /// <param name="adsPort">Port of the control plane; 0 for none.</param>
    /// <param name="prepare">Puts files where the proxy looks for them; null for nothing.</param>
    /// <param name="cluster">One more cluster, in flow style; null for none.</param>
    public static MutualProxy Start(Identity identity, Func<TempFolder, string, string> source, int adsPort = 0, Action<TempFolder>? prepare = null, string? cluster = null)
    {
        var folder = new TempFolder();
        prepare?.Invoke(folder);
        var backend = ScriptedBackend.Start(BackendScripts.Echo());
        var front = TlsFront.Start(backend.Port, identity.Endpoint);
        front.ClientAuthority = identity.Authority;
        var proxy = new MutualProxy(folder, backend, front);
        proxy.Process = ChildProcess.StartKpn("proxy", "-c", folder.Write("envoy.yaml", proxy.Bootstrap(name => source(folder, name), adsPort, cluster)), "--drain-time-s", "1", "--concurrency", "2");
        return proxy;
    }

    public Task ReadyAsync() => Process.WaitForHttpAsync(AdminPort);

    /// <summary>A page of the admin interface.</summary>
    public async Task<string> AdminAsync(string page) => (await RawHttpClient.GetAsync(AdminPort, page)).BodyText;

    /// <summary>A counter or gauge by its whole name; 0 where there is none.</summary>
    public async Task<long> StatAsync(string name) => (await AdminAsync("/stats")).Split('\n').Where(line => line.StartsWith(name + ": ", StringComparison.Ordinal))
        .Select(line => long.Parse(line.AsSpan(name.Length + 2), CultureInfo.InvariantCulture)).FirstOrDefault();

    /// <summary>Waits until new handshakes get a certificate.</summary>
    public Task WaitForCertificateAsync(Identity identity, string roots, Identity client) => Patience.UntilAsync(
        async () =>
        {
            try
            {
                await using var connection = await SecureClient.ConnectAsync(Port, roots, client.Client);
                return connection.ServerSerial == Convert.ToHexString(identity.Web.Serial);
            }
            catch (System.Security.Authentication.AuthenticationException)
            {
                // Still the one before, of an authority that is not trusted any more.
                return false;
            }
        },
        "the new certificate");

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        await Front.DisposeAsync();
        await Backend.DisposeAsync();
        Folder.Dispose();
    }

    private string Bootstrap(Func<string, string> source, int adsPort, string? cluster)
    {
        var ads = adsPort == 0 ? "" : $$"""
            dynamic_resources: { ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: control-plane } } ] } }
            """;
        var controlPlane = adsPort == 0 ? "" : $$"""
            - name: control-plane
              type: STATIC
              connect_timeout: 1s
              typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }
              load_assignment: { cluster_name: control-plane, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{adsPort}} } } } } ] } ] }
            """;
        string Sds(string name) => $"{{ name: {name}, sds_config: {source(name)} }}";
        return $$"""
            node: { id: test-proxy, cluster: test }
            admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{AdminPort}} } } }
            {{ads}}
            static_resources:
              listeners:
              - name: web
                address: { socket_address: { address: 127.0.0.1, port_value: {{Port}} } }
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: web
                      route_config: { name: web, virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ { match: { prefix: "/" }, route: { cluster: backend } } ] } ] }
                      http_filters: [ { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ]
                  transport_socket:
                    name: tls
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                      require_client_certificate: true
                      common_tls_context: { tls_certificate_sds_secret_configs: [ {{Sds("web")}} ], validation_context_sds_secret_config: {{Sds("clients")}} }
              clusters:
              - name: backend
                type: STATIC
                connect_timeout: 5s
                load_assignment: { cluster_name: backend, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{Front.Port}} } } } } ] } ] }
                transport_socket:
                  name: tls
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
                    sni: backend.test
                    common_tls_context: { tls_certificate_sds_secret_configs: [ {{Sds("proxy")}} ], validation_context_sds_secret_config: {{Sds("servers")}} }
              {{controlPlane.ReplaceLineEndings("\n  ")}}
              {{(cluster is null ? "" : $"- {cluster}")}}
            """;
    }
}

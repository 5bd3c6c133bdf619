using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf;
using KubeProxyNet.EndToEnd.Tests.BadControlPlane;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;
using KubeProxyNet.Testing.Tls;
using KubeProxyNet.Xds;

namespace KubeProxyNet.EndToEnd.Tests.Rotation;

/// <summary>One of several proxy processes with the same listener, each with a control plane that delivers its certificate (<c>web</c>) and its ticket keys (<c>tickets</c>).</summary>
internal sealed class TicketReplica : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ScriptedControlPlane _plane;
    private readonly Identity _identity;
    private readonly int _port = FreePort.Take();
    private ChildProcess? _process;
    private int _versions;
    private int _sessions;

    private TicketReplica(ScriptedControlPlane plane, Identity identity) => (_plane, _identity) = (plane, identity);

    /// <summary>Starts one that is ready.</summary>
    /// <param name="identity">What it shows to clients.</param>
    /// <param name="keys">Its first ticket keys.</param>
    public static async Task<TicketReplica> StartAsync(Identity identity, params byte[][] keys)
    {
        var adminPort = FreePort.Take();
        var replica = new TicketReplica(await ScriptedControlPlane.StartAsync(), identity);
        replica._process = ChildProcess.StartKpn(
            "proxy", "-c", replica._folder.Write("envoy.yaml", replica.Bootstrap(adminPort)), "--drain-time-s", "1", "--concurrency", "1");
        await replica._plane.WaitForRequestAsync(static request => request.TypeUrl == XdsTypeUrls.Secret && request.ResourceNames.Count == 2, "the subscription");
        await replica.PushAsync(keys);
        await replica._process.WaitForHttpAsync(adminPort);
        return replica;
    }

    /// <summary>Delivers ticket keys, of which the first encrypts. Returns what the proxy has to say against them; empty for nothing.</summary>
    public async Task<string> PushAsync(params byte[][] keys)
    {
        var tickets = new Secret { Name = "tickets", SessionTicketKeys = new TlsSessionTicketKeys() };
        tickets.SessionTicketKeys.Keys.AddRange(keys.Select(static key => new DataSource { InlineBytes = ByteString.CopyFrom(key) }));
        var answer = await _plane.PushAsync(XdsTypeUrls.Secret, $"{++_versions}", Secrets.Certificate("web", _identity.Web), tickets);
        return answer.ErrorDetail?.Message ?? "";
    }

    /// <summary>A request with a full handshake; returns the file of its session.</summary>
    public async Task<string> BeginAsync(string version)
    {
        var session = _folder.File($"session{++_sessions}");
        await OpenSslClient.GetAsync(_port, version, "-sess_out", session);
        return session;
    }

    /// <summary>A request that offers to go on with a session; returns what the client wrote.</summary>
    public Task<string> ContinueAsync(string version, string session) => OpenSslClient.GetAsync(_port, version, "-sess_in", session);

    /// <summary>Waits until new tickets are made with a key.</summary>
    public Task WaitForKeyAsync(string version, byte[] key) => Patience.UntilAsync(
        async () => OpenSslClient.TicketKeyOf(await OpenSslClient.GetAsync(_port, version)) == OpenSslClient.NameOfKey(key), "tickets of the new key");

    public async ValueTask DisposeAsync()
    {
        await (_process?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _plane.DisposeAsync();
        _folder.Dispose();
    }

    private string Bootstrap(int adminPort) => $$"""
        node: { id: test-proxy, cluster: test }
        admin: { address: { socket_address: { address: 127.0.0.1, port_value: {{adminPort}} } } }
        dynamic_resources: { ads_config: { api_type: GRPC, transport_api_version: V3, grpc_services: [ { envoy_grpc: { cluster_name: control-plane } } ] } }
        static_resources:
          listeners:
          - name: web
            address: { socket_address: { address: 127.0.0.1, port_value: {{_port}} } }
            filter_chains:
            - name: web
              filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: web
                  route_config: { name: web, virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ { match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: hello } } } ] } ] }
                  http_filters: [ { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ]
              transport_socket:
                name: tls
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
                  session_ticket_keys_sds_secret_config: { name: tickets, sds_config: { ads: {}, resource_api_version: V3 } }
                  common_tls_context: { tls_certificate_sds_secret_configs: [ { name: web, sds_config: { ads: {}, resource_api_version: V3 } } ] }
          clusters:
          - name: control-plane
            type: STATIC
            connect_timeout: 1s
            typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }
            load_assignment: { cluster_name: control-plane, endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{_plane.Port}} } } } } ] } ] }
        """;
}

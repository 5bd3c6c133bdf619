using System.Globalization;
using System.Text;
using System.Text.Json;
using AwesomeAssertions;
using Envoy.Config.Bootstrap.V3;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Certificates;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Xds.Loading;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Tests.EndpointTls;

/// <summary>A proxy from a bootstrap: the listener <c>web</c> leads to clusters, and everything it says can be asked for.</summary>
internal sealed class SecuredProxy : IAsyncDisposable
{
    private const string AccessLog = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_TLS_VERSION%";

    private readonly TempFolder _folder;
    private readonly ProxyServer _server;
    private readonly Lines _log;

    private SecuredProxy(TempFolder folder, ProxyServer server, Lines log) => (_folder, _server, _log) = (folder, server, log);

    public int Port => _server.ListenerAddress("web")!.Port;

    public int AdminPort => _server.AdminAddress!.Port;

    /// <summary>The program's log so far.</summary>
    public IReadOnlyCollection<string> Log => _log.All;

    /// <summary>A proxy with one route of everything to the cluster <c>backend</c>.</summary>
    public static Task<SecuredProxy> StartAsync(string tls, params int[] ports) => StartAsync([Cluster("backend", tls, "", ports)]);

    /// <summary>A proxy with clusters, of which the first is led to.</summary>
    /// <param name="clusters">Clusters in flow style.</param>
    /// <param name="route">More of the route's action, in flow style, each field preceded by a comma.</param>
    /// <param name="listener">A filter chain in flow style in place of the one that leads to the first cluster; null for that.</param>
    /// <param name="more">More of the static resources, in block style.</param>
    public static async Task<SecuredProxy> StartAsync(string[] clusters, string route = "", string? listener = null, string more = "")
    {
        var folder = new TempFolder();
        listener ??= Chain($$"""{ match: { prefix: "/" }, route: { cluster: backend{{route}} } }""", folder.File("access.log"));
        var yaml = $$"""
            admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
            static_resources:
              listeners:
              - name: web
                address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
                filter_chains: [ {{listener}} ]
              clusters: [ {{string.Join(", ", clusters)}} ]
            {{more}}
            """;
        var loaded = ConfigLoader.Parse<Bootstrap>("envoy.yaml", Encoding.UTF8.GetBytes(yaml));
        loaded.Errors.Select(static error => error.ToString()).Should().BeEmpty();
        var log = new Lines();
        var server = await ProxyServer.StartAsync(
            new ProxyOptions { Bootstrap = loaded.Value!, Places = loaded.Places, ConfigPath = "envoy.yaml", Concurrency = 1, DrainTime = TimeSpan.FromSeconds(1) }, log);
        await server.Ready.WaitAsync(Patience.Limit);
        return new SecuredProxy(folder, server, log);
    }

    /// <summary>A filter chain with routes in flow style.</summary>
    /// <param name="routes">The routes.</param>
    /// <param name="accessLog">Where requests are logged.</param>
    /// <param name="chain">More of the filter chain, in flow style, each field preceded by a comma.</param>
    /// <param name="http">More of the connection manager, in flow style, each field followed by a comma.</param>
    public static string Chain(string routes, string accessLog, string chain = "", string http = "") => $$"""
        { filters: [ { name: http, typed_config: {
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
          stat_prefix: web, {{http}}
          access_log: [ { name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: "{{accessLog}}", log_format: { text_format_source: { inline_string: "{{AccessLog}}\n" } } } } ],
          route_config: { name: web, virtual_hosts: [ { name: all, domains: [ "*" ], routes: [ {{routes}} ] } ] },
          http_filters: [ { name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ]
        } } ]{{chain}} }
        """.ReplaceLineEndings(" ");

    /// <summary>A cluster in flow style.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="tls">What its <c>UpstreamTlsContext</c> holds, in flow style; null for plain text.</param>
    /// <param name="more">More of the cluster, in flow style, each field preceded by a comma.</param>
    /// <param name="ports">Endpoints on 127.0.0.1.</param>
    public static string Cluster(string name, string? tls, string more, params int[] ports) => Cluster(
        name, tls, more, string.Join(", ", ports.Select(static port => Endpoint(port))));

    /// <inheritdoc cref="Cluster(string, string?, string, int[])"/>
    public static string Cluster(string name, string? tls, string more, string endpoints) =>
        $"{{ name: {name}, type: STATIC, connect_timeout: 5s, load_assignment: {{ cluster_name: {name}, endpoints: [ {{ lb_endpoints: [ {endpoints} ] }} ] }}"
        + (tls is null ? "" : $", transport_socket: {Socket(tls)}") + $"{more} }}";

    /// <summary>An endpoint in flow style.</summary>
    /// <param name="port">Port on 127.0.0.1.</param>
    /// <param name="hostname">Its host name.</param>
    /// <param name="more">More of it, each field preceded by a comma.</param>
    public static string Endpoint(int port, string hostname = "", string more = "") => string.Create(
        CultureInfo.InvariantCulture, $"{{ endpoint: {{ hostname: \"{hostname}\", address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }}{more} }}");

    /// <summary>A transport socket of TLS towards endpoints, in flow style.</summary>
    public static string Socket(string tls) =>
        $"{{ name: tls, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, {tls} }} }}";

    /// <summary>A field <c>common_tls_context</c>.</summary>
    public static string Common(params string[] parts) => $"common_tls_context: {{ {string.Join(", ", parts)} }}";

    /// <summary>A field <c>validation_context</c> that trusts an authority.</summary>
    public static string Trust(string pem, params string[] more) => $"validation_context: {{ {string.Join(", ", [$"trusted_ca: {Inline(pem)}", .. more])} }}";

    /// <summary>A field <c>tls_certificates</c>.</summary>
    public static string Present(TestCertificate certificate) =>
        $"tls_certificates: [ {{ certificate_chain: {Inline(certificate.Chain)}, private_key: {Inline(certificate.Key)} }} ]";

    /// <summary>A demand of one name.</summary>
    public static string Demand(string type, string matcher) => $"match_typed_subject_alt_names: [ {{ san_type: {type}, matcher: {{ {matcher} }} }} ]";

    /// <summary>A field of the cluster with the version of HTTP that is spoken.</summary>
    public static string Protocols(string protocol) => ", typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "
        + "\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, " + protocol + " } }";

    /// <summary>A field of the cluster with options of HTTP.</summary>
    public static string HttpOptions(string upstream) => ", typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "
        + "\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http_protocol_options: {} }, upstream_http_protocol_options: { " + upstream + " } } }";

    public static string Inline(string text) => $"{{ inline_string: {JsonSerializer.Serialize(text)} }}";

    public Task<RawResponse> GetAsync(string target = "/", string host = "localhost") => RawHttpClient.GetAsync(Port, target, host);

    public async Task<string> AdminAsync(string page) => (await RawHttpClient.GetAsync(AdminPort, page)).BodyText;

    /// <summary>A counter or gauge by its whole name; 0 where there is none.</summary>
    public async Task<long> StatAsync(string name)
    {
        foreach (var line in (await AdminAsync("/stats")).Split('\n'))
        {
            if (line.StartsWith(name + ": ", StringComparison.Ordinal))
            {
                return long.Parse(line.AsSpan(name.Length + 2), CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    /// <summary>Waits until a counter or gauge has a value.</summary>
    public Task WaitForStatAsync(string name, long value) => Patience.UntilAsync(async () => await StatAsync(name) == value, $"{name} to be {value}");

    /// <summary>Waits for a line of the access log, and returns it.</summary>
    public async Task<string> AccessLogAsync(int number = 1)
    {
        string[] lines = [];
        await Patience.UntilAsync(
            async () =>
            {
                await RawHttpClient.ExchangeAsync(AdminPort, "POST /reopen_logs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n", "POST");
                lines = File.Exists(_folder.File("access.log")) ? await File.ReadAllLinesAsync(_folder.File("access.log")) : [];
                return lines.Length >= number;
            },
            $"line {number} of the access log");
        return lines[number - 1];
    }

    /// <summary>Waits for the record of a failed handshake, and returns it.</summary>
    public async Task<JsonElement> FailureAsync(int number = 1)
    {
        const string Begin = "TLS handshake failed: ";
        string[] records = [];
        await Patience.UntilAsync(
            () =>
            {
                records = [.. Log.Where(static line => line.Contains(Begin, StringComparison.Ordinal)).Select(static line => line[(line.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..])];
                return records.Length >= number;
            },
            $"record {number} of a failed handshake");
        return JsonDocument.Parse(records[number - 1]).RootElement;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>Keeps every line.</summary>
    private sealed class Lines : ILoggerFactory, ILogger
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _all = new();

        public IReadOnlyCollection<string> All => _all;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _all.Enqueue($"{logLevel}: {formatter(state, exception)}");

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
            // There is nowhere else to write to.
        }

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}

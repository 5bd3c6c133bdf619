using System.Globalization;
using KubeProxyNet.EndToEnd.Tests.Setup;
using KubeProxyNet.Testing;

namespace KubeProxyNet.EndToEnd.Tests.Http2;

/// <summary>How a proxy process speaks to either side.</summary>
internal sealed record Http2ProxyOptions
{
    /// <summary>True to end TLS for clients, with <c>h2</c> and <c>http/1.1</c> offered by ALPN.</summary>
    public bool IsSecure { get; init; }

    /// <summary>True to speak HTTP/2 to backends.</summary>
    public bool SpeaksHttp2 { get; init; } = true;

    /// <summary>True to speak TLS to backends; the version is then chosen by ALPN.</summary>
    public bool IsUpstreamSecure { get; init; }

    /// <summary>Most streams of a client's connection.</summary>
    public int MaxStreams { get; init; } = 2000;

    /// <summary>True to take extended CONNECT on HTTP/2.</summary>
    public bool AllowsConnect { get; init; }

    /// <summary>More of the route's action, in flow style, each field after a comma.</summary>
    public string Route { get; init; } = "";

    /// <summary>More of the connection manager, in flow style, each field followed by a comma.</summary>
    public string Http { get; init; } = "";

    /// <summary>More of the cluster, in flow style, each field followed by a comma.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>HTTP filters before the router, in flow style, each followed by a comma.</summary>
    public string Filters { get; init; } = "";

    /// <summary>How long requests under way may take once the process is told to end, in seconds.</summary>
    public int DrainSeconds { get; init; } = 1;

    /// <summary>The format of the access log.</summary>
    public string Log { get; init; } = "%REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%";
}

/// <summary>A proxy process between real peers that speak HTTP/2.</summary>
internal sealed class Http2Proxy : IAsyncDisposable
{
    private readonly StaticProxy _proxy;

    private Http2Proxy(StaticProxy proxy) => _proxy = proxy;

    public int Port => _proxy.HttpPort;

    public StaticProxy Process => _proxy;

    /// <summary>Starts one that leads everything to the ports.</summary>
    public static async Task<Http2Proxy> StartAsync(Http2ProxyOptions options, params int[] ports) =>
        new(await StaticProxy.StartAsync((folder, http, admin) => Bootstraps.Static(admin, Listener(folder, http, options), Cluster(options, ports)), options.DrainSeconds));

    /// <summary>The counter or gauge of that name; -1 where there is none.</summary>
    public async Task<long> StatAsync(string name)
    {
        var page = (await _proxy.AdminAsync($"/stats?filter=^{name.Replace(".", "%5C.", StringComparison.Ordinal)}$")).BodyText;
        return page.Split('\n').Select(static line => line.Split(": ")).Where(parts => parts[0] == name).Select(static parts => long.Parse(parts[1], CultureInfo.InvariantCulture)).SingleOrDefault(-1);
    }

    /// <summary>Waits until a counter or gauge has a value.</summary>
    public Task WaitForStatAsync(string name, long value) => Patience.UntilAsync(async () => await StatAsync(name) == value, $"{name}: {value}");

    /// <summary>Waits until so many lines were logged, and returns all.</summary>
    public async Task<string[]> LogAsync(int lines)
    {
        var file = _proxy.Folder.File("access.log");
        string[] logged = [];
        await Patience.UntilAsync(
            async () =>
            {
                logged = File.Exists(file) ? await File.ReadAllLinesAsync(file) : [];
                return logged.Length >= lines;
            },
            $"{lines} lines in the access log");
        return logged;
    }

    /// <summary>Nothing may be under way any more, on either side.</summary>
    public async Task MustBeQuietAsync()
    {
        await WaitForStatAsync("http.http.downstream_rq_active", 0);
        await WaitForStatAsync("cluster.backend.upstream_rq_active", 0);
        await WaitForStatAsync("cluster.backend.upstream_rq_pending_active", 0);
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    private static string Listener(TempFolder folder, int port, Http2ProxyOptions options)
    {
        var log = $$"""
            access_log: [ { name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {{folder.File("access.log")}},
              log_format: { text_format_source: { inline_string: "{{options.Log}}\n" } } } } ],
            http2_protocol_options: { max_concurrent_streams: {{options.MaxStreams}}, allow_connect: {{(options.AllowsConnect ? "true" : "false")}} }, {{options.Http}}
            """;
        var listener = Bootstraps.Listener("http", port, $$"""{ match: { prefix: "/" }, route: { cluster: backend, timeout: 60s {{options.Route}} } }""", log)
            .Replace("http_filters: [ ", $"http_filters: [ {options.Filters} ", StringComparison.Ordinal);
        return options.IsSecure ? Bootstraps.Secure(listener, folder) : listener;
    }

    private static string Cluster(Http2ProxyOptions options, int[] ports)
    {
        var protocol = options switch
        {
            { SpeaksHttp2: false } => "",
            { IsUpstreamSecure: true } => Protocol("auto_config: { http2_protocol_options: {} }"),
            _ => Protocol("explicit_http_config: { http2_protocol_options: {} }"),
        };
        var socket = options.IsUpstreamSecure
            ? """
              transport_socket: { name: envoy.transport_sockets.tls, typed_config: {
                "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: localhost, common_tls_context: { alpn_protocols: [ h2, http/1.1 ] } } },
              """.ReplaceLineEndings(" ")
            : "";
        return Bootstraps.Cluster("backend", ports).Replace("type: STATIC,", $"type: STATIC, {protocol} {socket} {options.Cluster}", StringComparison.Ordinal);
    }

    private static string Protocol(string choice) =>
        $$"""
        typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, {{choice}} } },
        """.ReplaceLineEndings(" ");
}

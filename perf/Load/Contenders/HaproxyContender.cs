using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Scenarios;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Contenders;

internal sealed class HaproxyContender : Contender
{
    public override string Name => "haproxy";

    public override IReadOnlyList<string> Tools => ["haproxy"];

    public override async Task<string> VersionAsync(CancellationToken cancel) =>
        string.Join(' ', (await RunningProcess.RunAsync(NativeTool.PathOf("haproxy"), ["-v"], cancel)).Split(' ').Take(3));

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel)
    {
        var file = Path.Combine(site.Folder, "haproxy.cfg");
        await File.WriteAllTextAsync(file, Configuration(site), cancel);
        return RunningProcess.Start(site.Core, NativeTool.PathOf("haproxy"), ["-db", "-f", file]);
    }

    /// <summary>Bodies pass through a pipe in the kernel, which saves HAProxy about a third of the CPU time with 100,000 bytes.</summary>
    private const string LargeBodies = "option splice-response";

    /// <summary>Sessions are resumed by tickets alone, as by the others: the shared cache of sessions, which would be written at each handshake, is off.</summary>
    private const string TlsDefaults = $"""
        ssl-default-bind-options ssl-min-ver TLSv1.2
            ssl-default-bind-ciphersuites {Negotiated.CipherSuite}
            ssl-default-bind-curves {Negotiated.KeyExchange}
            tune.ssl.cachesize 0
        """;

    private static string Configuration(ContenderSite site) => Configuration(site, site.Options.Scenario.IsHttp2());

    private static string Configuration(ContenderSite site, bool isHttp2) => $$"""
        global
            nbthread 1
            maxconn {{Math.Max(9000, site.Options.IdleConnections + 100)}}
            no strict-limits
            {{(site.Certificate is null ? "" : TlsDefaults)}}
        defaults
            mode http
            timeout connect 5s
            timeout client 1h
            timeout server 1h
            timeout http-keep-alive 1h
            option http-keep-alive
            http-reuse always
            {{(site.Options.LargeBodies ? LargeBodies : "")}}
        frontend ingress
            bind 127.0.0.1:{{site.Port}} backlog 4096{{(site.Certificate is { } certificate ? $" ssl crt {certificate.BothFile} alpn {(isHttp2 ? "h2,http/1.1" : "http/1.1")}" : isHttp2 ? " proto h2" : "")}}
            option forwardfor
            http-request set-header x-forwarded-proto {{site.Scheme}}
            http-request set-header x-request-id %[uuid()]
            default_backend backend
        backend backend
            server one 127.0.0.1:{{site.BackendPort}}{{(site.Options.Scenario == Scenario.Http2Grpc ? " proto h2" : "")}}

        """;
}

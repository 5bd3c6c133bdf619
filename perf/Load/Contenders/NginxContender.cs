using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Scenarios;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Contenders;

internal sealed class NginxContender : Contender
{
    public override string Name => "nginx";

    public override IReadOnlyList<string> Tools => ["nginx"];

    public override async Task<string> VersionAsync(CancellationToken cancel) =>
        (await RunningProcess.RunAsync(NativeTool.PathOf("nginx"), ["-v"], cancel)).Trim().Replace("nginx version: ", "", StringComparison.Ordinal);

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel)
    {
        var file = Path.Combine(site.Folder, "nginx.conf");
        await File.WriteAllTextAsync(file, Configuration(site), cancel);
        return RunningProcess.Start(site.Core, NativeTool.PathOf("nginx"), ["-c", file, "-p", site.Folder, "-e", "stderr"]);
    }

    /// <summary>
    /// A body of 100,000 bytes fits into one buffer and is written at once, never to a file: with the buffers of 4 KiB that nginx has by default it
    /// needs about one and a half times the CPU time.
    /// </summary>
    private const string LargeBodies =
        "proxy_buffer_size 128k; proxy_buffers 4 128k; proxy_busy_buffers_size 256k; proxy_max_temp_file_size 0;";

    /// <summary>Sessions are resumed by tickets alone, as by the others.</summary>
    private static string Tls(ServerCertificate certificate) =>
        $"ssl_certificate {certificate.ChainFile}; ssl_certificate_key {certificate.KeyFile}; ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; " +
        $"ssl_conf_command Ciphersuites {Negotiated.CipherSuite}; ssl_ecdh_curve {Negotiated.KeyExchange}; ssl_session_tickets on; ssl_session_cache off;";

    private const string Proxied = """
                    proxy_pass http://backend;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header X-Request-Id $request_id;
        """;

    private const string Grpc = """
                    grpc_pass grpc://backend;
                    grpc_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    grpc_set_header X-Forwarded-Proto $scheme;
                    grpc_set_header X-Request-Id $request_id;
        """;

    // Workers of a master that root started would run as nobody, who may not enter the temporary folder.
    private static string Configuration(ContenderSite site) => $$"""
        {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
        daemon off;
        worker_processes 1;
        pid nginx.pid;
        error_log stderr crit;
        events {
            worker_connections 20000;
        }
        http {
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            keepalive_requests 1000000000;
            keepalive_timeout 1h;
            {{(site.Options.LargeBodies ? LargeBodies : "")}}
            {{(site.Options.Scenario == Scenario.Http2Bulk ? "http2_chunk_size 128k;" : "")}}
            upstream backend {
                server 127.0.0.1:{{site.BackendPort}};
                keepalive 1024;
                keepalive_requests 1000000000;
                keepalive_timeout 1h;
            }
            server {
                listen 127.0.0.1:{{site.Port}} {{(site.Certificate is null ? "" : "ssl ")}}{{(site.Options.Scenario.IsHttp2() ? "http2 " : "")}}backlog=4096;
                {{(site.Certificate is { } certificate ? Tls(certificate) : "")}}
                location / {
        {{(site.Options.Scenario == Scenario.Http2Grpc ? Grpc : Proxied)}}
                }
            }
        }
        """;
}

using System.Net.Sockets;
using KubeProxyNet.EndToEnd.Tests.Rotation;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Tls;

/// <summary>
/// Somebody else's server that ends TLS, in a process of its own. It demands a certificate, keeps no connection, and answers with what it knows of its own handshake:
/// whether the session went on from an earlier one, the subject of the client's certificate, the server name and the version, separated by '|'.
/// </summary>
internal sealed class SecureServer : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly ChildProcess _process;

    private SecureServer(TempFolder folder, ChildProcess process, int port) => (_folder, _process, Port) = (folder, process, port);

    public int Port { get; }

    /// <summary>Starts <c>nginx</c> or <c>haproxy</c> and waits until its port is open. Skips the test where it is not installed.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="identity">Its certificate and key, and the authority that clients' certificates must come from.</param>
    public static async Task<SecureServer> StartAsync(string kind, Identity identity)
    {
        var tool = Requires.Tool(kind);
        var folder = new TempFolder();
        var port = FreePort.Take();
        folder.Write("server.pem", identity.Endpoint.Chain + identity.Endpoint.Key);
        folder.Write("ca.pem", identity.Authority);
        var file = folder.Write("server.conf", kind == "nginx" ? Nginx(folder.Path, port) : Haproxy(folder.Path, port));
        string[] arguments = kind == "nginx" ? ["-c", file, "-e", "stderr"] : ["-db", "-f", file];
        var server = new SecureServer(folder, ChildProcess.Start(tool, arguments, folder.Path), port);
        await Patience.UntilAsync(server.IsOpenAsync, $"{kind} on port {port}: {server._process.Error}");
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<bool> IsOpenAsync()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"it ended with {await _process.Exited}: {_process.Output}{_process.Error}");
        }

        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string Nginx(string folder, int port) => $$"""
        daemon off;
        master_process off;
        pid {{folder}}/nginx.pid;
        events { worker_connections 512; }
        http {
          access_log off;
          client_body_temp_path {{folder}}/body;
          proxy_temp_path {{folder}}/proxy;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          keepalive_timeout 0;
          server {
            listen 127.0.0.1:{{port}} ssl;
            ssl_certificate {{folder}}/server.pem;
            ssl_certificate_key {{folder}}/server.pem;
            ssl_protocols TLSv1.2 TLSv1.3;
            ssl_client_certificate {{folder}}/ca.pem;
            ssl_verify_client on;
            ssl_verify_depth 3;
            ssl_session_cache shared:sessions:1m;
            location / { return 200 "$ssl_session_reused|$ssl_client_s_dn|$ssl_server_name|$ssl_protocol"; }
          }
        }
        """;

    private static string Haproxy(string folder, int port) => $$"""
        defaults
          mode http
          option httpclose
          timeout client 60s
          timeout connect 5s
          timeout server 60s
        frontend secure
          bind 127.0.0.1:{{port}} ssl crt {{folder}}/server.pem ca-file {{folder}}/ca.pem verify required ssl-min-ver TLSv1.2
          http-request return status 200 content-type text/plain lf-string "%[ssl_fc_is_resumed,iif(r,.)]|%{+Q}[ssl_c_s_dn]|%[ssl_fc_sni]|%[ssl_fc_protocol]"

        """;
}

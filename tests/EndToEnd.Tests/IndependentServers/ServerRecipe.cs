namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>How a server is started and made to count.</summary>
/// <param name="Tool">Its command.</param>
/// <param name="FileName">Of its configuration or program.</param>
/// <param name="File">That file's text, given the folder it lies in and the port to listen on.</param>
/// <param name="Arguments">Its arguments, given the path of that file. It stays in the foreground.</param>
/// <param name="UnknownMethod">Its line for a request whose method it does not know; null where that is a request line like any other.</param>
internal sealed record ServerRecipe(string Tool, string FileName, Func<string, int, string> File, Func<string, string[]> Arguments, string? UnknownMethod = null)
{
    /// <summary>The ledger, in the server's folder. Standard output goes there too.</summary>
    public const string Log = "requests.log";

    public static IReadOnlyDictionary<string, ServerRecipe> All { get; } = new Dictionary<string, ServerRecipe>(StringComparer.Ordinal)
    {
        ["nginx"] = new("nginx", "nginx.conf", Nginx, static file => ["-c", file, "-e", "stderr"]),
        ["apache"] = new("apache2", "apache.conf", Apache, static file => ["-X", "-f", file]),
        ["haproxy"] = new("haproxy", "haproxy.cfg", Haproxy, static file => ["-db", "-f", file]),
        ["lighttpd"] = new("lighttpd", "lighttpd.conf", Lighttpd, static file => ["-D", "-f", file], UnknownMethod: "  HTTP/1.1"),
        ["node"] = new("node", "server.js", Node, static file => [file], UnknownMethod: "refused HPE_INVALID_METHOD"),
        ["python"] = new("python3", "server.py", Python, static file => [file]),
    };

    private static string Nginx(string folder, int port) => $$"""
        daemon off;
        master_process off;
        pid {{folder}}/nginx.pid;
        events { worker_connections 512; }
        http {
          log_format counted '$request';
          access_log {{folder}}/{{Log}} counted;
          client_body_temp_path {{folder}}/body;
          proxy_temp_path {{folder}}/proxy;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          keepalive_requests 100000;
          server { listen 127.0.0.1:{{port}}; location / { return 200 "nginx"; } }
        }
        """;

    private static string Apache(string folder, int port) => $$"""
        ServerRoot {{folder}}
        ServerName localhost
        DefaultRuntimeDir {{folder}}
        PidFile {{folder}}/apache.pid
        Listen 127.0.0.1:{{port}}
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        User www-data
        Group www-data
        DocumentRoot {{folder}}/www
        ErrorLog {{folder}}/error.log
        LogFormat "%r" counted
        CustomLog {{folder}}/{{Log}} counted
        MaxKeepAliveRequests 0
        KeepAliveTimeout 60
        """;

    private static string Haproxy(string _, int port) => $$"""
        global
          log stdout format raw daemon
        defaults
          mode http
          timeout client 60s
          timeout connect 5s
          timeout server 60s
        frontend counted
          bind 127.0.0.1:{{port}}
          log global
          log-format "%HM %HU %HV"
          http-request wait-for-body time 10s
          http-request return status 200 content-type text/plain string haproxy

        """;

    private static string Lighttpd(string folder, int port) => $$"""
        server.bind = "127.0.0.1"
        server.port = {{port}}
        server.document-root = "{{folder}}/www"
        server.errorlog = "{{folder}}/error.log"
        server.max-keep-alive-requests = 30000
        server.max-keep-alive-idle = 60
        server.modules = ("mod_accesslog")
        accesslog.filename = "{{folder}}/{{Log}}"
        accesslog.format = "%r"
        """;

    private static string Node(string _, int port) => $$"""
        const answer = (request, response) => {
          console.log(`${request.method} ${request.url} HTTP/${request.httpVersion}`);
          request.resume();
          request.on('end', () => response.end('node'));
        };
        const server = require('http').createServer(answer);
        server.on('checkExpectation', answer);
        server.on('clientError', (error, socket) => {
          if (`${error.code}`.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE') console.log(`refused ${error.code}`);
          socket.destroy();
        });
        server.keepAliveTimeout = 60000;
        server.listen({{port}}, '127.0.0.1');
        """;

    private static string Python(string _, int port) => $$"""
        import http.server, sys

        class Counting(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def __getattr__(self, name):
                if name.startswith('do_'):
                    return self.answer
                raise AttributeError(name)

            def answer(self):
                self.write(self.requestline)
                if self.headers.get('transfer-encoding', '').lower() == 'chunked':
                    while size := int(self.rfile.readline().split(b';')[0], 16):
                        self.rfile.read(size + 2)
                    while self.rfile.readline() not in (b'\r\n', b''):
                        pass
                else:
                    self.rfile.read(int(self.headers.get('content-length', 0)))
                self.send_response(200)
                self.send_header('content-length', '6')
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(b'python')

            def send_error(self, code, message=None, explain=None):
                self.write(f'refused {code} {message}')
                super().send_error(code, message, explain)

            def log_message(self, *arguments):
                pass

            def write(self, line):
                sys.stdout.write(line + '\n')
                sys.stdout.flush()

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        Server(('127.0.0.1', {{port}}), Counting).serve_forever()
        """;
}

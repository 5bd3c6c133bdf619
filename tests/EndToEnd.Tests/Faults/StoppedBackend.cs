using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>A backend in a process of its own, so that it can be stopped as a whole. It keeps its ledger in a file and answers as <see cref="FaultyBackend"/>.</summary>
internal sealed class StoppedBackend : IAsyncDisposable
{
    private const string Program = """
        import hashlib, http.server, sys

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self):
                self.answer(b'')

            def do_POST(self):
                body = b''
                if self.headers.get('transfer-encoding'):
                    while size := int(self.rfile.readline(), 16):
                        body += self.exactly(size)
                        self.exactly(2)
                    self.exactly(2)
                else:
                    body = self.exactly(int(self.headers['content-length']))
                self.answer(body)

            def exactly(self, size):
                part = self.rfile.read(size)
                if len(part) < size:
                    raise EOFError
                return part

            def answer(self, body):
                text = self.headers.get('x-traffic-id', '-') + ' ' + hashlib.sha256(body).hexdigest().upper()
                sys.stdout.write(self.command + ' ' + text + '\n')
                sys.stdout.flush()
                self.send_response(200)
                self.send_header('content-length', str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        server = Server(('127.0.0.1', 0), Handler)
        print('port', server.server_port, file=sys.stderr, flush=True)
        server.serve_forever()
        """;

    private const string LedgerFile = "executed.log";
    private readonly TempFolder _folder = new();

    private StoppedBackend(string python)
    {
        _folder.Write("server.py", Program);
        Process = ChildProcess.Start("/bin/sh", ["-c", $"exec \"$0\" server.py > {LedgerFile}", python], _folder.Path);
    }

    public ChildProcess Process { get; }

    public int Port { get; private set; }

    /// <summary>Starts it. Skips the test where there is no Python.</summary>
    public static async Task<StoppedBackend> StartAsync()
    {
        var backend = new StoppedBackend(Requires.Tool("python3"));
        backend.Port = int.Parse((await backend.Process.WaitForLineAsync("port ")).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        return backend;
    }

    /// <summary>What it has executed so far, in its order.</summary>
    public async Task<IReadOnlyList<Execution>> ExecutedAsync() =>
        [.. (await File.ReadAllLinesAsync(_folder.File(LedgerFile))).Select(static line => line.Split(' ')).Select(static parts => new Execution(parts[1], parts[0], $"{parts[1]} {parts[2]}"))];

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        _folder.Dispose();
    }
}

using System.Globalization;
using System.Text.Json;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Generators;

/// <summary>The closed-loop generator: Debian's wrk on one thread. Each connection sends its next request when it has the answer to the last.</summary>
/// <param name="Paths">Request targets, asked for in turn over all connections.</param>
/// <param name="Close">Asks for the end of the connection with each request.</param>
/// <param name="Tls">Speaks TLS with the one offer of <see cref="ClientOffer"/>; wrk believes every certificate.</param>
internal sealed record Wrk(int Core, int Connections, IReadOnlyList<string> Paths, bool Close, string Folder, bool Tls = false)
{
    // 'done' runs once, after the last request. Where there is one path there is no 'request' function either: the script costs nothing
    // while requests run.
    private const string DoneScript = """
        done = function(summary, latency)
          local e = summary.errors
          io.write(string.format('\n{"requests":%d,"micros":%d,"p50":%f,"p90":%f,"p99":%f,"p999":%f,"errors":%d}\n',
            summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
            latency:percentile(99.9), e.connect + e.read + e.write + e.status + e.timeout))
        end
        """;

    // wrk knows seconds only: behind the last request it is interrupted, which ends its sleep, and its thread stops. A connection whose answer is still
    // under way then does not count.
    private const string CountScript = """
        local ffi = require('ffi')
        ffi.cdef('int getpid(void); int kill(int pid, int signal);')
        local left = limit
        local following = request
        request = function()
          left = left - 1
          if left == 0 then
            ffi.C.kill(ffi.C.getpid(), 2)
            wrk.thread:stop()
          end
          return following()
        end
        """;

    private const string TurnScript = """
        local requests, turn = {}, 0
        init = function()
          for i, path in ipairs(paths) do requests[i] = wrk.format('GET', path) end
        end
        request = function()
          turn = turn % #requests + 1
          return requests[turn]
        end
        """;

    // The one request, made beforehand as wrk does it where there is no script.
    private const string OneScript = """
        local one
        init = function() one = wrk.format() end
        request = function() return one end
        """;

    /// <summary>A run by requests that takes longer is over all the same.</summary>
    private const int MostSeconds = 60;

    /// <summary>One run.</summary>
    public async Task<LoadResult> RunAsync(int port, Slice slice, CancellationToken cancel)
    {
        var script = Path.Combine(Folder, "wrk.lua");
        await File.WriteAllTextAsync(script, Script(slice.Requests), cancel);
        var seconds = slice.Requests is null ? slice.WholeSeconds : MostSeconds;
        string[] arguments =
        [
            "-c", Text(Core), .. Tls ? (string[])["env", $"OPENSSL_CONF={await ClientOffer.WriteAsync(Folder, cancel)}"] : [], "wrk", "-t1", $"-c{Text(Connections)}", $"-d{Text(seconds)}s", "--timeout", "5s", "-s", script,
            $"{(Tls ? "https" : "http")}://127.0.0.1:{Text(port)}{Paths[0]}",
        ];
        return Parse(await RunningProcess.RunAsync("taskset", arguments, cancel));
    }

    private string Script(int? requests)
    {
        var close = Close ? "wrk.headers['connection'] = 'close'\n" : "";
        var turn = Paths.Count > 1 ? $"local paths = {{ {string.Join(", ", Paths.Select(p => $"'{p}'"))} }}\n{TurnScript}\n" : "";
        var count = requests is { } limit ? $"local limit = {Text(limit)}\n{(turn.Length > 0 ? "" : OneScript)}\n{CountScript}\n" : "";
        return close + turn + count + DoneScript;
    }

    private static LoadResult Parse(string output)
    {
        var line = output.Split('\n').LastOrDefault(l => l.StartsWith('{')) ?? throw new LoadException($"wrk printed no summary:\n{output}");
        using var json = JsonDocument.Parse(line);
        double Value(string name) => json.RootElement.GetProperty(name).GetDouble();
        return new LoadResult(
            (long)Value("requests"), Value("micros") / 1e6, Value("p50"), Value("p90"), Value("p99"), Value("p999"), (long)Value("errors"));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

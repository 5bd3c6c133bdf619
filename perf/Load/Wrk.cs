using System.Globalization;
using System.Text.Json;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load;

/// <summary>What wrk reports of one run. Latencies in microseconds.</summary>
internal sealed record WrkResult(long Requests, double Seconds, double P50, double P99, long Errors)
{
    public double RequestsPerSecond => Requests / Seconds;
}

/// <summary>The load generator: Debian's wrk, closed-loop, on one thread.</summary>
internal static class Wrk
{
    // 'done' runs once, after the last request, so the script costs nothing while requests run. 'delay' is there in the rate scenario only:
    // wrk asks it for the milliseconds that a connection waits before its next request.
    private const string DoneScript = """
        done = function(summary, latency)
          local e = summary.errors
          io.write(string.format('\n{"requests":%d,"micros":%d,"p50":%f,"p99":%f,"errors":%d}\n', summary.requests, summary.duration,
            latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
        end
        """;

    public static async Task<WrkResult> RunAsync(
        LoadOptions options, int core, int port, TimeSpan duration, string folder, CancellationToken cancel)
    {
        var script = Path.Combine(folder, "wrk.lua");
        await File.WriteAllTextAsync(script, DoneScript + "\n" + ScenarioScript(options), cancel);
        var seconds = Math.Max(1, (int)duration.TotalSeconds);
        string[] arguments =
        [
            "-c", Text(core), "wrk", "-t1", $"-c{options.Connections}", $"-d{Text(seconds)}s", "--timeout", "5s", "-s", script,
            $"http://127.0.0.1:{Text(port)}{options.Path}",
        ];
        return Parse(await RunningProcess.RunAsync("taskset", arguments, cancel));
    }

    private static string ScenarioScript(LoadOptions options) => options.Scenario switch
    {
        Scenario.Close => "wrk.headers['connection'] = 'close'",
        Scenario.Rate => $"delay = function() return {Text(Math.Max(1, options.Connections * 1000 / options.Rate))} end",
        _ => "",
    };

    private static WrkResult Parse(string output)
    {
        var line = output.Split('\n').LastOrDefault(l => l.StartsWith('{')) ?? throw new LoadException($"wrk printed no summary:\n{output}");
        using var json = JsonDocument.Parse(line);
        double Value(string name) => json.RootElement.GetProperty(name).GetDouble();
        return new WrkResult((long)Value("requests"), Value("micros") / 1e6, Value("p50"), Value("p99"), (long)Value("errors"));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

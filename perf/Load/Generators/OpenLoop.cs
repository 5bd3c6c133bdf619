using System.Globalization;
using System.Text.Json;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Generators;

/// <summary>The open-loop generator, Native/open_loop.c, and the ledger that it compares with its backend's.</summary>
/// <param name="binary">Native/open_loop.c, compiled.</param>
/// <param name="backend">Its options that name the backend.</param>
internal sealed class OpenLoop(string binary, int core, int connections, string path, IReadOnlyList<string> backend, Schedule schedule)
{
    private int _runs;

    /// <summary>One run after a second of warming up. A fault in the ledgers, or a refused request, throws with what they list.</summary>
    /// <param name="rate">Requests a second.</param>
    public async Task<LoadResult> RunAsync(int port, double rate, TimeSpan duration, CancellationToken cancel)
    {
        var (status, output) = await TryAsync(port, rate, duration, [], cancel);
        return status == 0 ? Parse(output) : throw new LoadException($"the open-loop generator ended with status {status}:\n{output}");
    }

    /// <summary>As <see cref="RunAsync"/>, with the status and all that the generator wrote, whatever it found.</summary>
    public Task<(int Status, string Output)> TryAsync(
        int port, double rate, TimeSpan duration, IEnumerable<string> more, CancellationToken cancel)
    {
        // A number for each run, so that what is late from the one before is known as a stranger.
        var run = Interlocked.Increment(ref _runs);
        string[] arguments =
        [
            "-c", Text(core), binary, "--port", Text(port), .. backend, "--rate", Text(rate),
            "--seconds", Text(duration.TotalSeconds), "--connections", Text(connections), "--path", path, "--run", Text(run),
            .. schedule == Schedule.Poisson ? (string[])["--poisson", Text(run)] : [],
            .. more,
        ];
        return RunningProcess.TryRunAsync("taskset", arguments, cancel);
    }

    private static LoadResult Parse(string output)
    {
        using var json = JsonDocument.Parse(output.Split('\n').Last(l => l.StartsWith('{')));
        double Value(string name) => json.RootElement.GetProperty(name).GetDouble();
        return new LoadResult(
            (long)Value("requests"),
            Value("micros") / 1e6,
            Value("p50"),
            Value("p90"),
            Value("p99"),
            Value("p999"),
            Errors: 0,
            new GeneratorLag(
                Value("lag_p50"),
                Value("lag_p99"),
                Value("lag_p999"),
                Value("lag_max"),
                (long)Value("waited"),
                (long)Value("unsent"),
                Value("busy") / 100));
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}

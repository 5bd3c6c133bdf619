using System.Globalization;
using System.Text.Json;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Generators;

/// <summary>The generator of TLS handshakes, Native/handshakes.c: a connection for each request, every handshake and every answer checked.</summary>
/// <param name="binary">Native/handshakes.c, compiled.</param>
/// <param name="bodySize">Of every answer, in bytes.</param>
internal sealed class Handshakes(string binary, int core, int connections, int bodySize)
{
    /// <summary>A run by requests that takes longer is over all the same.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromMinutes(1);

    /// <summary>Compiles it.</summary>
    public static async Task<string> CompileAsync(string folder, CancellationToken cancel) =>
        await NativeTool.CompileAsync("handshakes", folder, cancel, "ssl", "crypto");

    /// <summary>One run. A wrong answer, or a handshake that was resumed and should not have been or the other way round, throws with what was found.</summary>
    /// <param name="resume">Resumes the newest ticket's session in all handshakes but the first.</param>
    public async Task<LoadResult> RunAsync(int port, bool resume, Slice slice, CancellationToken cancel)
    {
        var (status, output) = slice.Requests is { } requests
            ? await TryAsync(port, resume, MostTime, ["--requests", Text(requests)], cancel)
            : await TryAsync(port, resume, slice.Duration, [], cancel);
        return status == 0 ? Parse(output) : throw new LoadException($"the generator of handshakes ended with status {status}:\n{output}");
    }

    /// <summary>As <see cref="RunAsync"/>, with the status and all that the generator wrote, whatever it found.</summary>
    public Task<(int Status, string Output)> TryAsync(int port, bool resume, TimeSpan duration, IEnumerable<string> more, CancellationToken cancel) =>
        StartAsync(port, ["--connections", Text(connections), "--seconds", Text(duration.TotalSeconds), .. resume ? (string[])["--resume"] : [], .. more], cancel);

    /// <summary>One handshake and one request: what was agreed on. Throws where it is not what all proxies must agree on.</summary>
    public async Task<Negotiated> ProbeAsync(string proxy, int port, CancellationToken cancel)
    {
        var (status, output) = await StartAsync(port, ["--probe"], cancel);
        return status == 0 ? Negotiated.Parse(proxy, output) : throw new LoadException($"{proxy}: one handshake with one request failed:\n{output}");
    }

    private Task<(int Status, string Output)> StartAsync(int port, IEnumerable<string> arguments, CancellationToken cancel) => RunningProcess.TryRunAsync(
        "taskset", ["-c", Text(core), binary, "--port", Text(port), "--body-size", Text(bodySize), .. arguments], cancel);

    private static LoadResult Parse(string output)
    {
        using var json = JsonDocument.Parse(output.Split('\n').Last(l => l.StartsWith('{')));
        double Value(string name) => json.RootElement.GetProperty(name).GetDouble();
        return new LoadResult(
            (long)Value("requests"), Value("micros") / 1e6, Value("p50"), Value("p90"), Value("p99"), Value("p999"), (long)Value("errors"));
    }

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}

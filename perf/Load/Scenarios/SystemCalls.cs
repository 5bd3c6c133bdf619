using System.Globalization;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>
/// Counts a proxy's system calls while it is under load: by the kernel's tracepoints (perf stat), which hardly slow it down, or, where those are
/// not permitted, with strace, which slows it so much that fewer requests share a wait.
/// </summary>
internal static class SystemCalls
{
    private const string Tracepoint = "syscalls:sys_enter_";

    private static readonly Lazy<Task<bool>> TracepointsWork = new(async () =>
        (await RunningProcess.TryRunAsync("perf", ["stat", "-e", $"{Tracepoint}sendto", "true"], CancellationToken.None)).Status == 0);

    public static async Task<(string Source, IReadOnlyDictionary<string, double> PerRequest)> CountAsync(
        Stage stage, Runner runner, Func<Task<LoadResult>> load, CancellationToken cancel)
    {
        var file = Path.Combine(stage.Folder, $"calls-{runner.Name}");
        var pids = ProcessSample.Tree(runner.Process.Id);
        var byTracepoint = NativeTool.Has("perf") && await TracepointsWork.Value;
        if (!byTracepoint)
        {
            NativeTool.Require(["strace"]);
        }

        var tracer = byTracepoint
            ? stage.StartBeside("perf", ["stat", "-x", ",", "-o", file, "-e", $"{Tracepoint}*", "-p", string.Join(',', pids)])
            : stage.StartBeside("strace", ["-f", "-c", "-o", file, .. pids.SelectMany(pid => (string[])["-p", pid.ToString(CultureInfo.InvariantCulture)])]);
        await tracer.SettleAsync(cancel);
        var result = await load();
        await tracer.InterruptAsync(cancel);
        var lines = await File.ReadAllLinesAsync(file, cancel);
        var counts = (byTracepoint ? OfPerf(lines) : OfStrace(lines))
            .Where(c => c.Count > 0)
            .ToDictionary(c => c.Name, c => c.Count / (double)result.Requests, StringComparer.Ordinal);
        return (byTracepoint ? "the kernel's tracepoints (perf stat)" : "strace", counts);
    }

    /// <summary>COUNT,,syscalls:sys_enter_NAME,…</summary>
    private static IEnumerable<(string Name, long Count)> OfPerf(IEnumerable<string> lines) =>
        from line in lines
        let fields = line.Split(',')
        where fields.Length > 2 && fields[2].StartsWith(Tracepoint, StringComparison.Ordinal)
        select (fields[2][Tracepoint.Length..], long.TryParse(fields[0], out var count) ? count : 0);

    /// <summary>% time, seconds, usecs/call, calls, errors if any, name; between two lines of dashes.</summary>
    private static IEnumerable<(string Name, long Count)> OfStrace(IEnumerable<string> lines) =>
        from line in lines.SkipWhile(l => !l.StartsWith("---", StringComparison.Ordinal)).Skip(1).TakeWhile(l => !l.StartsWith("---", StringComparison.Ordinal))
        let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        where fields.Length >= 5
        select (fields[^1], long.Parse(fields[3], CultureInfo.InvariantCulture));
}

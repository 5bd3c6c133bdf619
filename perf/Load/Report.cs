using System.Globalization;
using System.Text;

namespace KubeProxyNet.Load;

/// <summary>The table, on the console and as Markdown with the circumstances of the run.</summary>
internal static class Report
{
    private static readonly string[] Columns =
        ["proxy", "CPU µs/request", "min – max", "user", "system", "requests/s", "p50 µs", "p99 µs", "RSS MB", "RSS at start", "start ms", "heap B/request", "× nginx", "× HAProxy"];

    public static string Table(IReadOnlyList<ContenderResult> results)
    {
        var rows = results.Select(r => Row(r, results)).Prepend(Columns).ToList();
        var widths = Enumerable.Range(0, Columns.Length).Select(i => rows.Max(row => row[i].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var (row, index) in rows.Select((row, index) => (row, index)))
        {
            text.Append("| ").AppendJoin(" | ", row.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).AppendLine(" |");
            if (index == 0)
            {
                text.Append("| ").AppendJoin(" | ", widths.Select((w, i) => i == 0 ? new string('-', w) : new string('-', w - 1) + ":")).AppendLine(" |");
            }
        }

        return text.ToString();
    }

    public static async Task<string> MarkdownAsync(
        LoadOptions options, IReadOnlyList<ContenderResult> results, IReadOnlyList<string> args, string loadAtStart, CancellationToken cancel)
    {
        var versions = string.Join('\n', results.Select(r => $"- {r.Name}: {r.Version}"));
        return $"""
            # {options.Scenario.ToString().ToLowerInvariant()}: {string.Join(", ", results.Select(r => r.Name))}

            {Table(results)}
            Medians of {options.Rounds} rounds of {options.DurationSeconds} s, {options.Connections} connections, {options.BodySize} bytes of body.
            CPU time is that of the proxy's processes over the requests that wrk completed; the split into user and system is by clock ticks.
            Proxies on core 0 with one worker each; backend (perf/Load/Native/backend.c) and wrk, one thread each, on core 1. No logs. Added by each
            but the relay: x-forwarded-for, x-forwarded-proto, x-request-id. RSS counts shared pages for each process.

            - command: `dotnet run -c Release --project perf/Load -- {string.Join(' ', args)}`
            - commit: {await Repository.CommitAsync(cancel)}, {DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC
            - machine: {await CpuModelAsync(cancel)}, {Environment.ProcessorCount} cores, kernel {await FirstWordAsync("/proc/sys/kernel/osrelease", cancel)}
            - load average at the start: {loadAtStart}
            {versions}

            """;
    }

    /// <summary>The load averages of 1, 5 and 15 minutes: other work on the machine raises CPU time a request by way of the caches.</summary>
    public static async Task<string> LoadAverageAsync(CancellationToken cancel) =>
        string.Join(' ', (await File.ReadAllTextAsync("/proc/loadavg", cancel)).Split(' ').Take(3));

    private static string[] Row(ContenderResult result, IReadOnlyList<ContenderResult> all) =>
    [
        result.Name,
        Number(result.CpuMicros, 2),
        $"{Number(result.Rounds.Min(m => m.CpuMicros), 1)} – {Number(result.Rounds.Max(m => m.CpuMicros), 1)}",
        Number(result.Median(m => m.UserMicros), 2),
        Number(result.Median(m => m.CpuMicros - m.UserMicros), 2),
        Number(result.Median(m => m.Load.RequestsPerSecond), 0),
        Number(result.Median(m => m.Load.P50), 0),
        Number(result.Median(m => m.Load.P99), 0),
        Number(result.Median(m => m.ResidentBytes) / 1e6, 1),
        Number(result.ResidentAtStart / 1e6, 1),
        Number(result.Start.TotalMilliseconds, 0),
        result.Rounds[0].HeapBytes is null ? "–" : Number(result.Median(m => m.HeapBytes ?? 0), 2),
        Ratio(result, all, "nginx"),
        Ratio(result, all, "haproxy"),
    ];

    private static string Ratio(ContenderResult result, IReadOnlyList<ContenderResult> all, string to) =>
        all.FirstOrDefault(r => r.Name == to) is { } other ? Number(result.CpuMicros / other.CpuMicros, 2) : "–";

    private static string Number(double value, int decimals) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    private static async Task<string> CpuModelAsync(CancellationToken cancel)
    {
        var line = (await File.ReadAllLinesAsync("/proc/cpuinfo", cancel)).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?.Split(':')[1].Trim() ?? "unknown processor";
    }

    private static async Task<string> FirstWordAsync(string file, CancellationToken cancel) => (await File.ReadAllTextAsync(file, cancel)).Trim();
}

using System.Globalization;
using System.Text;
using KubeProxyNet.Load.Scenarios;

namespace KubeProxyNet.Load.Reporting;

/// <summary>The outcomes as one Markdown file, with the circumstances of the run.</summary>
internal static class Report
{
    public static string Console(IReadOnlyList<Outcome> outcomes)
    {
        var text = new StringBuilder();
        foreach (var outcome in outcomes)
        {
            text.AppendLine($"## {outcome.Title}").AppendLine().AppendLine(outcome.Text);
        }

        return text.Append(Goals(outcomes)).ToString();
    }

    public static async Task<string> MarkdownAsync(
        LoadOptions options, IReadOnlyList<Outcome> outcomes, IReadOnlyList<string> args, string loadAtStart, CancellationToken cancel)
    {
        var single = outcomes.Count == 1;
        var title = single ? outcomes[0].Title : options.Scenario switch
        {
            Scenario.Tls => "The goals of speed over TLS, one by one",
            Scenario.Http2 => "The goals of speed over HTTP/2, one by one",
            _ => "The goals of speed, one by one",
        };
        var body = single ? $"{outcomes[0].Text}\n{Goals(outcomes)}" : $"{Goals(outcomes)}\n{Sections(outcomes)}";
        var versions = string.Join('\n', outcomes.SelectMany(o => o.Versions).Distinct(StringComparer.Ordinal).Select(v => $"- {v}"));
        return $"""
            # {title}

            {body.Trim()}

            ## Circumstances

            Proxies on core 0 with one worker each; the load generator and the backend (perf/Load/Native), one thread each, on core 1; loopback. No logs.
            Added by each but the relay: x-forwarded-for, x-forwarded-proto, x-request-id. Upstream connections are kept. Medians of {options.Rounds} rounds
            of {options.Slice}, in which the proxies take turns. docs/performance.md says what each scenario means.

            - command: `dotnet run -c Release --project perf/Load -- {string.Join(' ', Shown(args))}`
            - commit: {await Repository.CommitAsync(cancel)}, {DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC
            - machine: {await CpuModelAsync(cancel)}, {Environment.ProcessorCount} cores, kernel {await FirstWordAsync("/proc/sys/kernel/osrelease", cancel)}
            - load average at the start: {loadAtStart}
            {versions}

            """;
    }

    /// <summary>The load averages of 1, 5 and 15 minutes: other work on the machine raises CPU time a request by way of the caches.</summary>
    public static async Task<string> LoadAverageAsync(CancellationToken cancel) =>
        string.Join(' ', (await File.ReadAllTextAsync("/proc/loadavg", cancel)).Split(' ').Take(3));

    private static string Goals(IReadOnlyList<Outcome> outcomes)
    {
        var goals = outcomes.SelectMany(o => o.Goals).ToList();
        return goals.Count == 0
            ? ""
            : MarkdownTable.Of(["goal", "asked", "found", "met"], goals.Select(g => (string[])[g.Name, g.Asked, g.Found, Verdict(g)]));
    }

    private static string Verdict(Goal goal) => goal.Met switch
    {
        true => "yes",
        false => "NO",
        null => "–",
    };

    private static string Sections(IReadOnlyList<Outcome> outcomes) =>
        string.Join("\n", outcomes.Select(o => $"## {o.Title}\n\n{o.Text.Trim()}\n"));

    /// <summary>The arguments without the folders of this machine, for paths mean nothing elsewhere.</summary>
    private static IEnumerable<string> Shown(IReadOnlyList<string> args) => args.Select((argument, i) => i == 0 ? argument : args[i - 1] switch
    {
        "--kpn" => "out/kpn",
        "--out" => Path.IsPathRooted(argument) ? $"perf/results/{Path.GetFileName(argument)}" : argument,
        _ => argument,
    });

    private static async Task<string> CpuModelAsync(CancellationToken cancel)
    {
        var line = (await File.ReadAllLinesAsync("/proc/cpuinfo", cancel)).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
        return line?.Split(':')[1].Trim() ?? "unknown processor";
    }

    private static async Task<string> FirstWordAsync(string file, CancellationToken cancel) => (await File.ReadAllTextAsync(file, cancel)).Trim();
}

using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>System calls a request by name, and where CPU time goes by function, of each proxy under the closed loop.</summary>
internal static class Where
{
    private const int Symbols = 25;
    private const double LeastShown = 0.005;

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var contenders = options.Contenders().Select(name => Contender.Named(name, options)).ToList();
        NativeTool.Require(["taskset", "wrk", "gcc", .. contenders.SelectMany(c => c.Tools)]);
        var backendPort = await stage.StartBackendAsync(cancel);
        var duration = TimeSpan.FromSeconds(options.DurationSeconds);
        var calls = new List<(string Name, IReadOnlyDictionary<string, double> PerRequest)>();
        var profiles = new List<(string Name, Profile Profile)>();
        var versions = new List<string>();
        var source = "";
        foreach (var contender in contenders)
        {
            var runner = await stage.StartAsync(contender, backendPort, cancel);
            var wrk = stage.Wrk(["/"]);
            await wrk.RunAsync(runner.Port, contender.WarmUp, cancel);
            var counted = await SystemCalls.CountAsync(stage, runner, () => wrk.RunAsync(runner.Port, duration, cancel), cancel);
            source = counted.Source;
            calls.Add((runner.Name, counted.PerRequest));
            profiles.Add((runner.Name, await Profile.RecordAsync(stage, runner, () => wrk.RunAsync(runner.Port, duration, cancel), cancel)));
            versions.Add(runner.VersionLine);
            await stage.EndAsync(runner);
            await stage.SayAsync(0, runner.Name, $"{counted.PerRequest.Values.Sum():F2} system calls a request");
        }

        return new Outcome(
            $"where: system calls and CPU time of {string.Join(", ", contenders.Select(c => c.Name))}",
            $"### System calls a request\n\n{Calls(calls)}\nCounted by {source} with wrk on {options.Connections} connections.\n\n{Profiles(profiles)}",
            [],
            versions);
    }

    private static string Calls(List<(string Name, IReadOnlyDictionary<string, double> PerRequest)> all)
    {
        var shown = all.SelectMany(a => a.PerRequest)
            .GroupBy(c => c.Key, c => c.Value, StringComparer.Ordinal)
            .Where(g => g.Max() >= LeastShown)
            .OrderByDescending(g => g.Max())
            .Select(g => g.Key);
        return MarkdownTable.Of(
            ["system call", .. all.Select(a => a.Name)],
            shown.Select(call => (string[])[call, .. all.Select(a => Cell(a.PerRequest.GetValueOrDefault(call)))])
                .Append(["all", .. all.Select(a => Cell(a.PerRequest.Values.Sum()))]));
    }

    private static string Cell(double perRequest) => perRequest == 0 ? "" : MarkdownTable.Number(perRequest, 3);

    private static string Profiles(List<(string Name, Profile Profile)> all)
    {
        var shares = MarkdownTable.Of(
            ["proxy", "own code %", "libraries %", "kernel %"],
            all.Select(a => (string[])[a.Name, Percent(a.Profile.Own), Percent(a.Profile.Libraries), Percent(a.Profile.Kernel)]));
        var tops = all.Select(a => a.Profile.Reason is { } reason
            ? $"#### {a.Name}\n\nNot sampled: {reason}\n"
            : $"#### {a.Name}\n\n{MarkdownTable.Of(["function", "of", "%"], a.Profile.Functions.Take(Symbols).Select(f => (string[])[$"`{f.Name}`", f.Module, Percent(f.Share)]))}");
        return $"""
            ### Where CPU time goes

            {shares}
            Samples of the CPU clock (perf record). Code that runs with interrupts off is charged to where they are switched on again.

            {string.Join('\n', tops)}
            """;
    }

    private static string Percent(double share) => MarkdownTable.Number(share, 1);
}

using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>What is left of a proxy's capacity when ten times as many connections ask as saturate it, and what memory that takes.</summary>
internal static class Overload
{
    private const int Factor = 10;
    private const double Bound = 0.90;

    private static readonly string[] Columns = ["proxy", "requests/s", "requests/s × 10", "goodput", "min – max", "failed", "RSS MB", "RSS × 10 MB"];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var contenders = (options.Only ?? ["kpn"]).Select(name => Contender.Named(name, options)).ToList();
        NativeTool.Require(["taskset", "wrk", "gcc", .. contenders.SelectMany(c => c.Tools)]);
        var backendPort = await stage.StartBackendAsync(cancel);
        var subjects = new List<Subject>();
        foreach (var contender in contenders)
        {
            var runner = await stage.StartAsync(contender, backendPort, cancel);
            await stage.Wrk(contender.Paths).RunAsync(runner.Port, contender.WarmUp, cancel);
            subjects.Add(new Subject(runner, []));
        }

        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var subject in Stage.InTurn(subjects, round))
            {
                // The heavier run comes first every second time, so that a drift of the machine falls on both alike.
                var many = round % 2 == 1 ? await MeasureAsync(stage, subject.Runner, Factor, cancel) : default;
                var few = await MeasureAsync(stage, subject.Runner, 1, cancel);
                many = round % 2 == 1 ? many : await MeasureAsync(stage, subject.Runner, Factor, cancel);
                subject.Rounds.Add(new Sample(few, many));
                await stage.SayAsync(round, subject.Runner.Name, $"{subject.Rounds[^1].Ratio,5:F2} of {few.Goodput,8:F0} requests/s");
            }
        }

        return new Outcome(
            $"overload: {options.Connections} and {options.Connections * Factor} connections",
            MarkdownTable.Of(Columns, subjects.Select(Row)) + "\n" + Note,
            [.. subjects.Where(s => s.Runner.Name == "kpn").Select(GoalOf)],
            [.. subjects.Select(s => s.Runner.VersionLine)]);
    }

    private static async Task<Figure> MeasureAsync(Stage stage, Runner runner, int factor, CancellationToken cancel)
    {
        var wrk = new Wrk(Stage.LoadCore, stage.Options.Connections * factor, runner.Contender.Paths, Close: false, stage.Folder);
        var load = await wrk.RunAsync(runner.Port, TimeSpan.FromSeconds(stage.Options.DurationSeconds), cancel);
        runner.MustLive();
        return new Figure((load.Requests - load.Errors) / load.Seconds, load.Errors, MemoryUse.Of(runner.Process.Id).ResidentBytes);
    }

    private static string[] Row(Subject subject) =>
    [
        subject.Runner.Name,
        MarkdownTable.Number(subject.Rounds.Median(s => s.Few.Goodput), 0),
        MarkdownTable.Number(subject.Rounds.Median(s => s.Many.Goodput), 0),
        MarkdownTable.Number(subject.Rounds.Median(s => s.Ratio), 2),
        $"{MarkdownTable.Number(subject.Rounds.Min(s => s.Ratio), 2)} – {MarkdownTable.Number(subject.Rounds.Max(s => s.Ratio), 2)}",
        MarkdownTable.Number(subject.Rounds.Sum(s => s.Few.Errors + s.Many.Errors), 0),
        MarkdownTable.Number(subject.Rounds.Median(s => s.Few.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(subject.Rounds.Max(s => s.Many.ResidentBytes) / 1e6, 1),
    ];

    private static Goal GoalOf(Subject kpn)
    {
        var ratio = kpn.Rounds.Median(s => s.Ratio);
        return new Goal("goodput at ten times the connections that saturate", "≥ 0.90", MarkdownTable.Number(ratio, 2), ratio >= Bound);
    }

    private const string Note = """
        Closed loop (wrk). Goodput is the answers with a good status a second; the share is that of ten times the connections against the number that saturates.
        RSS right after a run, the largest of all rounds for the heavier one.

        """;

    private sealed record Subject(Runner Runner, List<Sample> Rounds);

    private readonly record struct Figure(double Goodput, long Errors, long ResidentBytes);

    private sealed record Sample(Figure Few, Figure Many)
    {
        public double Ratio => Many.Goodput / Few.Goodput;
    }
}

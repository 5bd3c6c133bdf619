using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>
/// kpn with a few routes and clusters against kpn with very many. Of the routes all are asked for in turn, so that the table's size shows in the
/// caches too. Of the clusters as many are asked for in both, spread over the table: each keeps its own connections to the backend, and
/// it is the size of the table that is compared, not the number of connections.
/// </summary>
internal static class Scale
{
    private const int Few = 10;
    private const double Bound = 1.05;

    private static readonly string[] Columns = ["kpn with", "CPU µs/request", "min – max", "user", "× few", "requests/s", "p99 µs", "RSS MB", "start ms"];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        NativeTool.Require(["taskset", "wrk", "gcc"]);
        var options = stage.Options;
        var many = options.Entries;
        (KpnTable Few, KpnTable Many, string Unit)[] pairs =
        [
            (new KpnTable(Few, 1, Few), new KpnTable(many, 1, many), "routes"),
            (new KpnTable(Few, Few, Few), new KpnTable(many, many, Few), "clusters"),
        ];
        var backendPort = await stage.StartBackendAsync(cancel);
        var outcomes = new List<(string Unit, ContenderResult Few, ContenderResult Many)>();
        string version = "";
        foreach (var (few, large, unit) in pairs)
        {
            // Only the two that are compared are up: a proxy that is idle still has its timers.
            ContenderResult[] results = [await StartAsync(few, unit), await StartAsync(large, unit)];
            await MeasureAsync(stage, results, cancel);
            outcomes.Add((unit, results[0], results[1]));
            version = results[0].Runner.Version;
            foreach (var result in results)
            {
                await stage.EndAsync(result.Runner);
            }
        }

        return new Outcome(
            "scale: few and many routes and clusters",
            MarkdownTable.Of(Columns, outcomes.SelectMany(o => (string[][])[Row(o.Few, o.Few), Row(o.Many, o.Few)])) + "\n" + Note(options),
            [.. outcomes.Select(o => GoalOf(o.Unit, o.Few, o.Many))],
            [$"kpn: {version}"]);

        async Task<ContenderResult> StartAsync(KpnTable table, string unit)
        {
            var count = unit == "routes" ? table.Routes : table.Clusters;
            var runner = await stage.StartAsync(new KpnContender($"{count} {unit}", table), backendPort, cancel);
            await stage.Wrk(runner.Contender.Paths).RunAsync(runner.Port, runner.Contender.WarmUp, cancel);
            return new ContenderResult(runner, []);
        }
    }

    private static async Task MeasureAsync(Stage stage, ContenderResult[] results, CancellationToken cancel)
    {
        var slice = stage.Options.Slice;
        for (var round = 0; round < stage.Options.Rounds; round++)
        {
            foreach (var (runner, rounds) in Stage.InTurn(results, round))
            {
                var wrk = stage.Wrk(runner.Contender.Paths);
                rounds.Add(await Measurement.OfAsync(runner, slice, heap: false, () => wrk.RunAsync(runner.Port, slice, cancel), cancel));
                await stage.SayAsync(round, runner.Name, $"{rounds[^1].CpuMicros,7:F2} µs/request");
            }
        }
    }

    private static string[] Row(ContenderResult result, ContenderResult few) =>
    [
        result.Name,
        MarkdownTable.Number(result.CpuMicros, 2),
        $"{MarkdownTable.Number(result.Rounds.Min(m => m.CpuMicros), 1)} – {MarkdownTable.Number(result.Rounds.Max(m => m.CpuMicros), 1)}",
        MarkdownTable.Number(result.Median(m => m.UserMicros), 2),
        Ratio(result, few),
        MarkdownTable.Number(result.Median(m => m.Load.RequestsPerSecond), 0),
        MarkdownTable.Number(result.Median(m => m.Load.P99), 0),
        MarkdownTable.Number(result.Median(m => m.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(result.Runner.Start.TotalMilliseconds, 0),
    ];

    private static Goal GoalOf(string unit, ContenderResult few, ContenderResult many)
    {
        var ratio = many.RatioTo(few);
        return new Goal($"{many.Name}: CPU", $"within 5 % of {Few} {unit}", $"{MarkdownTable.Number(ratio, 3)} ×", ratio <= Bound);
    }

    private static string Ratio(ContenderResult result, ContenderResult few) => MarkdownTable.WithQuartiles(result.RatiosTo(few), 3);

    private static string Note(LoadOptions options) => $"""
        {options.Connections} connections, closed loop (wrk). Routes: a prefix each in one virtual host, all asked for in turn. Clusters: a route to each; {Few} of them
        asked for in both tables, spread over the large one, so that both have as many connections to the backend. *× few*: median of the rounds' ratios, with their quartiles.

        """;
}

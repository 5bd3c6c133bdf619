using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>
/// Latency at half the capacity. First each proxy is saturated by a closed loop; its capacity is what its core could do at that CPU time a
/// request, so that a proxy for which the generator was too slow is not let off with a lower rate. Then the open-loop generator sends half of
/// that at a steady rate, each time also straight to the backend: the difference is what the proxy added. The generator is the backend, too.
/// </summary>
internal static class Tail
{
    private const double Share = 0.5;
    private const int CapacityRounds = 3;

    private static readonly string[] Columns =
    [
        "proxy", "capacity/s", "core busy %", "sent/s", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs", "added p50", "added p99", "added p99.9",
        "direct p99", "lag p50", "lag p99", "lag p99.9", "waited", "unsent", "generator busy %",
    ];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var contenders = options.Contenders().Select(name => Contender.Named(name, options)).ToList();
        NativeTool.Require(["taskset", "wrk", "gcc", .. contenders.SelectMany(c => c.Tools)]);
        var (subjects, standIn) = await CapacitiesAsync(stage, contenders, cancel);
        if (options.TailRate == TailRate.Kpn)
        {
            var ofKpn = subjects.FirstOrDefault(s => s.Name == "kpn")?.Capacity ?? throw new LoadException("--tail-rate kpn: kpn does not take part");
            subjects = [.. subjects.Select(s => s with { Rate = Math.Round(ofKpn * Share) })];
        }

        await MeasureAsync(stage, subjects, standIn, cancel);
        return new Outcome(
            options.TailRate == TailRate.Own ? "tail: latency at half of each proxy's own capacity" : "tail: latency at half of kpn's capacity",
            MarkdownTable.Of(Columns, subjects.Select(Row)) + "\n" + Note(options),
            Goals(subjects),
            [.. subjects.Select(s => s.Runner.VersionLine)]);
    }

    private static async Task<(IReadOnlyList<Subject> Subjects, Backend StandIn)> CapacitiesAsync(
        Stage stage, List<Contender> contenders, CancellationToken cancel)
    {
        var backendPort = await stage.StartBackendAsync(cancel);
        var runners = new List<Runner>();
        var wrk = stage.Wrk(["/"]);
        foreach (var contender in contenders)
        {
            runners.Add(await stage.StartAsync(contender, backendPort, cancel));
            await wrk.RunAsync(runners[^1].Port, contender.WarmUp, cancel);
        }

        var found = runners.ToDictionary(r => r, _ => new List<Measurement>());
        var duration = TimeSpan.FromSeconds(stage.Options.DurationSeconds);
        for (var round = 0; round < Math.Min(CapacityRounds, stage.Options.Rounds); round++)
        {
            foreach (var runner in Stage.InTurn(runners, round))
            {
                found[runner].Add(await Measurement.OfAsync(runner, duration, heap: false, () => wrk.RunAsync(runner.Port, duration, cancel), cancel));
            }
        }

        // The same proxies would keep their connections to the fast backend. This one answers until the generator takes its port over.
        var standIn = await stage.StartLedgerBackendAsync(fault: null, cancel);
        var subjects = new List<Subject>();
        foreach (var runner in runners)
        {
            await stage.EndAsync(runner);
            var capacity = 1e6 / found[runner].Median(m => m.CpuMicros);
            var again = await stage.StartAsync(Contender.Named(runner.Name, stage.Options), standIn.Port, cancel);
            await wrk.RunAsync(again.Port, again.Contender.WarmUp, cancel);
            subjects.Add(new Subject(again, capacity, found[runner].Median(m => m.Busy), Math.Round(capacity * Share), []));
        }

        return (subjects, standIn);
    }

    private static async Task MeasureAsync(Stage stage, IReadOnlyList<Subject> subjects, Backend standIn, CancellationToken cancel)
    {
        var openLoop = await stage.TakeOverAsync(standIn, "/", cancel);
        var duration = TimeSpan.FromSeconds(stage.Options.DurationSeconds);
        for (var round = 0; round < stage.Options.Rounds; round++)
        {
            foreach (var subject in Stage.InTurn(subjects, round))
            {
                var direct = await openLoop.RunAsync(standIn.Port, subject.Rate, duration, cancel);
                var proxied = await openLoop.RunAsync(subject.Runner.Port, subject.Rate, duration, cancel);
                subject.Runner.MustLive();
                subject.Rounds.Add((direct, proxied));
                var lag = proxied.Lag!;
                await stage.SayAsync(
                    round,
                    subject.Name,
                    $"{subject.Rate,6:F0}/s p99 {proxied.P99,7:F0} µs, direct {direct.P99,6:F0}, lag {lag.P99,6:F0}, busy {100 * lag.Busy,3:F0} %");
            }
        }
    }

    private static string[] Row(Subject s) =>
    [
        s.Name,
        MarkdownTable.Grouped(s.Capacity),
        MarkdownTable.Number(100 * s.Busy, 0),
        MarkdownTable.Grouped(s.Rate),
        Micros(s, r => r.Proxied.P50),
        Micros(s, r => r.Proxied.P90),
        Micros(s, r => r.Proxied.P99),
        Micros(s, r => r.Proxied.P999),
        Micros(s, r => r.Proxied.P50 - r.Direct.P50),
        MarkdownTable.Number(s.AddedP99, 0),
        Micros(s, r => r.Proxied.P999 - r.Direct.P999),
        Micros(s, r => r.Direct.P99),
        Micros(s, r => r.Proxied.Lag!.P50),
        Micros(s, r => r.Proxied.Lag!.P99),
        Micros(s, r => r.Proxied.Lag!.P999),
        MarkdownTable.Number(s.Rounds.Median(r => r.Proxied.Lag!.Waited), 0),
        MarkdownTable.Number(s.Rounds.Median(r => r.Proxied.Lag!.Unsent), 0),
        MarkdownTable.Number(100 * s.Rounds.Median(r => r.Proxied.Lag!.Busy), 0),
    ];

    private static string Micros(Subject subject, Func<(LoadResult Direct, LoadResult Proxied), double> value) =>
        MarkdownTable.Number(subject.Rounds.Median(value), 0);

    private static List<Goal> Goals(IReadOnlyList<Subject> subjects)
    {
        var kpn = subjects.FirstOrDefault(s => s.Name == "kpn");
        var nginx = subjects.FirstOrDefault(s => s.Name == "nginx");
        return kpn is null || nginx is null
            ? []
            : [new Goal(
                "added p99 at half of the capacity",
                "≤ nginx's",
                $"{MarkdownTable.Number(kpn.AddedP99, 0)} against {MarkdownTable.Number(nginx.AddedP99, 0)} µs",
                kpn.AddedP99 <= nginx.AddedP99)];
    }

    private static string Note(LoadOptions options) => $"""
        Open loop (Native/open_loop.c), {options.Schedule.ToString().ToLowerInvariant()} rate, {options.Connections} connections; latency from the intended time of each
        request to the last byte of its answer. *capacity*: 1 s over the CPU time a request under a closed loop, and how busy the proxy's core was then.
        *added*: minus the same rate straight to the backend, run just before. *lag*: how late the generator sent; *waited*: requests a run that found every
        connection busy; *unsent*: those that still waited when the run was given up, so that the rate was not reached.
        *generator busy*: how much of its core the generator used, which is the backend, too, in one thread; what it polled away before an intended time is left
        out. Near 100 the generator is the limit and not the proxy. The ledgers of client and backend agreed after every run: nothing lost, duplicated, corrupted
        or misdelivered.

        """;

    private sealed record Subject(
        Runner Runner, double Capacity, double Busy, double Rate, List<(LoadResult Direct, LoadResult Proxied)> Rounds)
    {
        public string Name => Runner.Name;

        public double AddedP99 => Rounds.Median(r => r.Proxied.P99 - r.Direct.P99);
    }
}

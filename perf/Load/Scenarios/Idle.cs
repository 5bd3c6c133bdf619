using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Processes;
using KubeProxyNet.Load.Reporting;
using KubeProxyNet.Load.Tls;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>What a kept connection costs that made one request and then keeps still: memory of the process, before and after.</summary>
internal static class Idle
{
    /// <summary>As many from one source address: far fewer than the ports of Linux's default range.</summary>
    private const int ConnectionsPerAddress = 5_000;

    private const int WarmUpRequests = 200;
    private const double BoundBytes = 2_000;
    private const double TlsBoundBytes = 16_000;

    /// <summary>Pools and collectors come to rest before memory is read.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);

    private static readonly string[] Columns =
        ["proxy", "RSS B/connection", "PSS B/connection", "min – max", "RSS before MB", "RSS after MB", "after their end MB"];

    public static async Task<Outcome> RunAsync(Stage stage, CancellationToken cancel)
    {
        var options = stage.Options;
        var names = options.Contenders();
        NativeTool.Require(["taskset", "gcc", .. names.SelectMany(n => Contender.Named(n, options).Tools)]);
        var backendPort = await stage.StartBackendAsync(cancel);
        var subjects = names.Select(name => new Subject(name, [])).ToList();
        var runners = new List<Runner>();
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var subject in Stage.InTurn(subjects, round))
            {
                // A new process each time: memory that was once used says nothing.
                var runner = await stage.StartAsync(Contender.Named(subject.Name, options), backendPort, cancel);
                subject.Rounds.Add(await MeasureAsync(stage, runner, cancel));
                await stage.EndAsync(runner);
                await stage.SayAsync(round, subject.Name, $"{subject.Rounds[^1].Resident,7:F0} B/connection");
                runners.Add(runner);
            }
        }

        return new Outcome(
            $"{options.Scenario.Word()}: {MarkdownTable.Grouped(options.IdleConnections)} kept connections that have made one request",
            MarkdownTable.Of(Columns, subjects.Select(Row)) + "\n" + Note + Negotiated.Table(runners.DistinctBy(r => r.Name)),
            [.. subjects.Where(s => s.Name == "kpn").Select(s => GoalOf(s, options.Scenario))],
            [.. runners.Select(r => r.VersionLine).Distinct(StringComparer.Ordinal)]);
    }

    private static async Task<Sample> MeasureAsync(Stage stage, Runner runner, CancellationToken cancel)
    {
        var count = stage.Options.IdleConnections;
        Task<IdleConnection> OpenAsync(int address) => IdleConnection.OpenAsync(runner.Port, address, stage.Certificate, stage.Options.BodySize, cancel);
        for (var i = 0; i < WarmUpRequests; i++)
        {
            using var one = await OpenAsync(0);
        }

        await Task.Delay(Rest, cancel);
        var before = MemoryUse.Of(runner.Process.Id);
        var connections = new List<IdleConnection>(count);
        MemoryUse during;
        try
        {
            for (var i = 0; i < count; i++)
            {
                connections.Add(await OpenAsync(i / ConnectionsPerAddress));
            }

            await Task.Delay(Rest, cancel);
            during = MemoryUse.Of(runner.Process.Id);
            if (connections.Count(c => c.IsOpen) is var open && open < count)
            {
                throw new LoadException($"{runner.Name} closed {count - open} of {count} connections while they were idle");
            }
        }
        finally
        {
            connections.ForEach(c => c.Dispose());
        }

        await Task.Delay(Rest, cancel);
        runner.MustLive();
        return new Sample(before, during, MemoryUse.Of(runner.Process.Id), count);
    }

    private static string[] Row(Subject subject) =>
    [
        subject.Name,
        MarkdownTable.Number(subject.Rounds.Median(s => s.Resident), 0),
        MarkdownTable.Number(subject.Rounds.Median(s => s.Proportional), 0),
        $"{MarkdownTable.Number(subject.Rounds.Min(s => s.Resident), 0)} – {MarkdownTable.Number(subject.Rounds.Max(s => s.Resident), 0)}",
        MarkdownTable.Number(subject.Rounds.Median(s => s.Before.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(subject.Rounds.Median(s => s.During.ResidentBytes) / 1e6, 1),
        MarkdownTable.Number(subject.Rounds.Median(s => s.After.ResidentBytes) / 1e6, 1),
    ];

    private static Goal GoalOf(Subject kpn, Scenario scenario)
    {
        var bytes = kpn.Rounds.Median(s => s.Resident);
        var (name, bound) = scenario.IsTls() ? ("memory of an idle TLS connection", TlsBoundBytes) : ("memory of an idle connection", BoundBytes);
        return new Goal(name, $"≤ {MarkdownTable.Number(bound / 1000, 0)} kB", $"{MarkdownTable.Grouped(bytes)} B", bytes <= bound);
    }

    private const string Note = """
        Memory of the processes (smaps_rollup) after a warm-up of 200 connections, and after each connection made one request; the kernel's sockets are not in
        it. A new process each round. nginx and HAProxy set tables for all connections aside at their start, which is in *before*.

        """;

    private sealed record Subject(string Name, List<Sample> Rounds);

    private sealed record Sample(MemoryUse Before, MemoryUse During, MemoryUse After, int Connections)
    {
        public double Resident => (During.ResidentBytes - Before.ResidentBytes) / (double)Connections;

        public double Proportional => (During.ProportionalBytes - Before.ProportionalBytes) / (double)Connections;
    }
}

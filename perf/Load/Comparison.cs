using System.Globalization;
using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load;

/// <summary>
/// Starts the backend and every contender, then measures them round by round. Contenders stay up between their turns, idle; each round
/// begins with another one, and every second round runs backwards, so that a drift of the machine falls on all alike.
/// </summary>
internal sealed class Comparison(LoadOptions options, string folder) : IAsyncDisposable
{
    private const int ProxyCore = 0;
    private const int LoadCore = 1;

    private readonly List<RunningProcess> _processes = [];

    public async Task<IReadOnlyList<ContenderResult>> RunAsync(CancellationToken cancel)
    {
        // The relay cannot end a client's connection after an answer: it does not know where the answer ends.
        var contenders = options.Only
            .Where(name => options.Scenario != Scenario.Close || name != "relay")
            .Select(Contender.Named)
            .ToList();
        NativeTool.Require(["taskset", "wrk", "gcc", .. contenders.SelectMany(c => c.Tools)]);
        if (Environment.ProcessorCount < 2)
        {
            throw new LoadException("two cores are needed: one for the proxy, one for the load generator and the backend");
        }

        var backendPort = await StartBackendAsync(cancel);
        var runners = new List<Runner>();
        foreach (var contender in contenders)
        {
            runners.Add(await StartAsync(contender, backendPort, cancel));
        }

        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var runner in OrderOf(runners, round))
            {
                runner.Rounds.Add(await MeasureAsync(runner, cancel));
                var last = runner.Rounds[^1];
                await Console.Error.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"round {round + 1}/{options.Rounds} {runner.Name,-8} {last.CpuMicros,7:F2} µs/request {last.Load.RequestsPerSecond,8:F0} requests/s"));
            }
        }

        return [.. runners.Select(r => new ContenderResult(r.Name, r.Version, r.Start, r.ResidentAtStart, r.Rounds))];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.DisposeAsync();
        }
    }

    private async Task<int> StartBackendAsync(CancellationToken cancel)
    {
        var binary = await NativeTool.CompileAsync("backend", folder, cancel);
        var port = LoopbackPort.Free();
        var process = RunningProcess.Start(
            LoadCore, binary, [port.ToString(CultureInfo.InvariantCulture), options.BodySize.ToString(CultureInfo.InvariantCulture)]);
        _processes.Add(process);
        await LoopbackPort.WaitForAnswerAsync("the backend", port, "/", process, cancel);
        return port;
    }

    private async Task<Runner> StartAsync(Contender contender, int backendPort, CancellationToken cancel)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, contender.Name)).FullName;
        var site = new ContenderSite(options, ProxyCore, LoopbackPort.Free(), backendPort, own);
        var process = await contender.StartAsync(site, cancel);
        _processes.Add(process);
        var start = await LoopbackPort.WaitForAnswerAsync(contender.Name, site.Port, options.Path, process, cancel);
        var residentAtStart = ProcessSample.Of(process.Id).ResidentBytes;
        await Wrk.RunAsync(options, LoadCore, site.Port, contender.WarmUp, folder, cancel);
        return new Runner(contender, await contender.VersionAsync(cancel), process, site.Port, start, residentAtStart, []);
    }

    private static IEnumerable<Runner> OrderOf(List<Runner> runners, int round)
    {
        var rotated = runners.Skip(round % runners.Count).Concat(runners.Take(round % runners.Count));
        return round % 2 == 0 ? rotated : rotated.Reverse();
    }

    private async Task<Measurement> MeasureAsync(Runner runner, CancellationToken cancel)
    {
        var before = ProcessSample.Of(runner.Process.Id);
        var duration = TimeSpan.FromSeconds(options.DurationSeconds);
        var running = Wrk.RunAsync(options, LoadCore, runner.Port, duration, folder, cancel);
        var heapBytes = await SteadyHeapBytesAsync(runner.Contender, duration / 3, cancel);
        var load = await running;
        var after = ProcessSample.Of(runner.Process.Id);
        if (runner.Process.HasExited)
        {
            throw new LoadException($"{runner.Name} ended under load: {runner.Process.Obituary}");
        }

        return load.Errors == 0 && load.Requests > 0
            ? Measurement.Between(before, after, load, heapBytes * 3)
            : throw new LoadException($"{runner.Name}: {load.Errors} errors in {load.Requests} requests\n{runner.Process.Output}");
    }

    /// <summary>What a proxy allocates in the middle third of a run, when every connection is open.</summary>
    private static async Task<long?> SteadyHeapBytesAsync(Contender contender, TimeSpan third, CancellationToken cancel)
    {
        await Task.Delay(third, cancel);
        var before = await contender.HeapBytesAsync(cancel);
        await Task.Delay(third, cancel);
        return await contender.HeapBytesAsync(cancel) - before;
    }

    private sealed record Runner(
        Contender Contender, string Version, RunningProcess Process, int Port, TimeSpan Start, long ResidentAtStart, List<Measurement> Rounds)
    {
        public string Name => Contender.Name;
    }
}

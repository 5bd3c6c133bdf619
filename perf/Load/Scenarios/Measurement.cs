using System.Diagnostics;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>One run of a load generator against one contender.</summary>
/// <param name="CpuMicros">CPU time of the contender's processes for each completed request.</param>
/// <param name="UserMicros">The share of it in user space, split by the kernel's clock ticks.</param>
/// <param name="Busy">The share of the run in which the contender was on its core.</param>
/// <param name="ResidentBytes">Right after the run.</param>
/// <param name="HeapBytes">GC heap bytes that its workers allocate for a request in the middle of the run; null where it does not tell.</param>
internal sealed record Measurement(double CpuMicros, double UserMicros, double Busy, long ResidentBytes, LoadResult Load, double? HeapBytes)
{
    /// <summary>Runs <paramref name="load"/> against a contender and looks at its processes before and after. Errors throw.</summary>
    /// <param name="heap">Also asks for the GC heap, in a run by time; the answer costs CPU time that grows with the number of clusters.</param>
    public static async Task<Measurement> OfAsync(
        Runner runner, Slice slice, bool heap, Func<Task<LoadResult>> load, CancellationToken cancel)
    {
        var before = ProcessSample.Of(runner.Process.Id);
        var running = load();
        var heapBytesPerSecond = heap && slice.Requests is null ? await SteadyHeapBytesAsync(runner, slice.Duration / 3, cancel) : null;
        var result = await running;
        var after = ProcessSample.Of(runner.Process.Id);
        runner.MustLive();
        return result is { Errors: 0, Requests: > 0 }
            ? Between(before, after, result, heapBytesPerSecond)
            : throw new LoadException($"{runner.Name}: {result.Errors} errors in {result.Requests} requests\n{runner.Process.Output}");
    }

    private static Measurement Between(ProcessSample before, ProcessSample after, LoadResult load, double? heapBytesPerSecond)
    {
        var nanoseconds = after.CpuNanoseconds - before.CpuNanoseconds;
        var cpu = nanoseconds / 1000.0 / load.Requests;
        var user = after.UserTicks - before.UserTicks;
        var all = user + after.SystemTicks - before.SystemTicks;
        return new Measurement(
            cpu, all == 0 ? 0 : cpu * user / all, nanoseconds / 1e9 / load.Seconds, after.ResidentBytes, load, heapBytesPerSecond / load.RequestsPerSecond);
    }

    /// <summary>What a proxy allocates a second in the middle third of a run, when every connection is open.</summary>
    private static async Task<double?> SteadyHeapBytesAsync(Runner runner, TimeSpan third, CancellationToken cancel)
    {
        await Task.Delay(third, cancel);
        var before = await runner.Contender.HeapBytesAsync(cancel);
        var start = Stopwatch.GetTimestamp();
        await Task.Delay(third, cancel);
        return (await runner.Contender.HeapBytesAsync(cancel) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

/// <summary>All rounds of one contender.</summary>
internal sealed record ContenderResult(Runner Runner, List<Measurement> Rounds)
{
    public string Name => Runner.Name;

    public double CpuMicros => Median(m => m.CpuMicros);

    /// <summary>CPU time a request over another's, round by round, and of that the median: what a round had in common, such as a busy neighbour, cancels out.</summary>
    public double RatioTo(ContenderResult other) => RatiosTo(other).Median();

    /// <summary>The ratios of <see cref="RatioTo"/>, one a round.</summary>
    public double[] RatiosTo(ContenderResult other) => [.. Rounds.Zip(other.Rounds, static (one, two) => one.CpuMicros / two.CpuMicros)];

    public double Median(Func<Measurement, double> value) => Rounds.Median(value);
}

using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load;

/// <summary>One run of the load generator against one contender.</summary>
/// <param name="CpuMicros">CPU time of the contender's processes for each completed request.</param>
/// <param name="UserMicros">The share of it in user space, split by the kernel's clock ticks.</param>
/// <param name="ResidentBytes">Right after the run.</param>
/// <param name="HeapBytes">GC heap bytes that its workers allocate for a request in the middle of the run; null where it does not tell.</param>
internal sealed record Measurement(double CpuMicros, double UserMicros, long ResidentBytes, WrkResult Load, double? HeapBytes)
{
    public static Measurement Between(ProcessSample before, ProcessSample after, WrkResult load, long? heapBytes)
    {
        var cpu = (after.CpuNanoseconds - before.CpuNanoseconds) / 1000.0 / load.Requests;
        var user = after.UserTicks - before.UserTicks;
        var all = user + after.SystemTicks - before.SystemTicks;
        return new Measurement(cpu, all == 0 ? 0 : cpu * user / all, after.ResidentBytes, load, heapBytes / (double)load.Requests);
    }
}

/// <summary>All rounds of one contender.</summary>
/// <param name="Start">From the start of the process to its first answer.</param>
/// <param name="ResidentAtStart">Right after its first answer, in bytes.</param>
internal sealed record ContenderResult(string Name, string Version, TimeSpan Start, long ResidentAtStart, IReadOnlyList<Measurement> Rounds)
{
    public double Median(Func<Measurement, double> value)
    {
        var sorted = Rounds.Select(value).Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    public double CpuMicros => Median(m => m.CpuMicros);
}

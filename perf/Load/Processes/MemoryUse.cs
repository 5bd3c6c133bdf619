using System.Globalization;

namespace KubeProxyNet.Load.Processes;

/// <summary>Memory of a process and its descendants at one moment, from smaps_rollup (proc_pid_smaps(5)).</summary>
/// <param name="ResidentBytes">Rss: pages that processes share are counted for each.</param>
/// <param name="ProportionalBytes">Pss: such pages are divided among those that share them.</param>
internal readonly record struct MemoryUse(long ResidentBytes, long ProportionalBytes)
{
    public static MemoryUse Of(int pid)
    {
        var sum = default(MemoryUse);
        foreach (var member in ProcessSample.Tree(pid))
        {
            var lines = File.ReadAllLines($"/proc/{member}/smaps_rollup");
            sum = new MemoryUse(sum.ResidentBytes + Bytes(lines, "Rss:"), sum.ProportionalBytes + Bytes(lines, "Pss:"));
        }

        return sum;
    }

    private static long Bytes(string[] lines, string name)
    {
        var line = lines.First(l => l.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}

using System.Globalization;
using KubeProxyNet.EndToEnd.Tests.Setup;

namespace KubeProxyNet.EndToEnd.Tests.Faults;

/// <summary>What the kernel tells of a proxy's process (proc(5)).</summary>
internal static class ProcessFigures
{
    private const int TicksPerSecond = 100;

    /// <summary>Resident memory.</summary>
    public static long ResidentBytes(this StaticProxy proxy) =>
        long.Parse(File.ReadAllText($"/proc/{proxy.Process.Id}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    /// <summary>Open descriptors.</summary>
    public static int Descriptors(this StaticProxy proxy) => Directory.GetFiles($"/proc/{proxy.Process.Id}/fd").Length;

    /// <summary>Processor time of all threads since the start, in user and kernel.</summary>
    public static TimeSpan ProcessorTime(this StaticProxy proxy)
    {
        // After the command's name in parentheses; utime and stime are fields 14 and 15.
        var text = File.ReadAllText($"/proc/{proxy.Process.Id}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond);
    }
}

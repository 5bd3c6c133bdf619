using System.Globalization;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Load.Processes;

/// <summary>CPU time and memory of a process and of its descendants at one moment.</summary>
/// <param name="CpuNanoseconds">On-CPU time, user and system, of all threads that ever ran (CPU clock of the process, clock_getcpuclockid(3)).</param>
/// <param name="UserTicks">utime of proc_pid_stat(5), in clock ticks of 10 ms: used only for the split.</param>
/// <param name="SystemTicks">stime, as above.</param>
/// <param name="ResidentBytes">VmRSS; pages that processes share are counted for each.</param>
internal readonly record struct ProcessSample(long CpuNanoseconds, long UserTicks, long SystemTicks, long ResidentBytes)
{
    public static ProcessSample Of(int pid)
    {
        var sum = default(ProcessSample);
        foreach (var member in Tree(pid))
        {
            var one = OfOne(member);
            sum = new ProcessSample(
                sum.CpuNanoseconds + one.CpuNanoseconds,
                sum.UserTicks + one.UserTicks,
                sum.SystemTicks + one.SystemTicks,
                sum.ResidentBytes + one.ResidentBytes);
        }

        return sum;
    }

    /// <summary>The process and its descendants.</summary>
    public static IReadOnlyList<int> Tree(int pid)
    {
        var found = new List<int> { pid };
        for (var i = 0; i < found.Count; i++)
        {
            foreach (var task in TasksOf(found[i]))
            {
                found.AddRange(ReadOrEmpty($"{task}/children")
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select(c => int.Parse(c, CultureInfo.InvariantCulture)));
            }
        }

        return found;
    }

    private static ProcessSample OfOne(int pid)
    {
        // The command name, in parentheses, may hold spaces: fields are counted from behind it (utime is field 14, stime 15).
        var stat = ReadOrEmpty($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 14)
        {
            return default;
        }

        var resident = ReadOrEmpty($"/proc/{pid}/statm").Split(' ');
        return new ProcessSample(
            CpuClock(pid),
            long.Parse(fields[11], CultureInfo.InvariantCulture),
            long.Parse(fields[12], CultureInfo.InvariantCulture),
            resident.Length > 1 ? long.Parse(resident[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize : 0);
    }

    private static string[] TasksOf(int pid)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{pid}/task");
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            // The process has ended meanwhile.
            return "";
        }
    }

    /// <summary>The clock id of a process' CPU time is its complemented pid with the kernel's CPUCLOCK_SCHED (2) below it.</summary>
    private static long CpuClock(int pid) => clock_gettime((~pid << 3) | 2, out var time) == 0
        ? (time.Seconds * 1_000_000_000) + time.Nanoseconds
        : 0;

    [DllImport("libc", ExactSpelling = true)]
    private static extern int clock_gettime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}

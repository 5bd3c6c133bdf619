using System.Globalization;
using KubeProxyNet.Load.Generators;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Scenarios;

/// <summary>Samples of a proxy's CPU clock, by function.</summary>
/// <param name="Functions">In descending order of their share, in percent.</param>
/// <param name="Reason">Why there are none; null when there are.</param>
internal sealed record Profile(IReadOnlyList<ProfiledFunction> Functions, string? Reason)
{
    private const int SamplesPerSecond = 1999;
    private const string KernelModule = "kernel";

    public double Kernel => Functions.Where(f => f.Module == KernelModule).Sum(f => f.Share);

    public double Libraries => Functions.Where(f => f.Module.Contains(".so", StringComparison.Ordinal) || f.Module == "[vdso]").Sum(f => f.Share);

    public double Own => Functions.Sum(f => f.Share) - Kernel - Libraries;

    public static async Task<Profile> RecordAsync(Stage stage, Runner runner, Func<Task<LoadResult>> load, CancellationToken cancel)
    {
        if (!NativeTool.Has("perf"))
        {
            return new Profile([], "perf is not installed (Debian: linux-perf)");
        }

        var file = Path.Combine(stage.Folder, $"profile-{runner.Name}");
        var pids = string.Join(',', ProcessSample.Tree(runner.Process.Id));
        var recorder = stage.StartBeside("perf", ["record", "-q", "-e", "cpu-clock", "-F", $"{SamplesPerSecond}", "-o", file, "-p", pids]);
        await recorder.SettleAsync(cancel);
        if (recorder.HasExited)
        {
            await load();
            return new Profile([], recorder.Obituary);
        }

        await load();
        await recorder.InterruptAsync(cancel);
        var (status, output) = await RunningProcess.TryRunAsync(
            "perf", ["report", "-q", "--stdio", "--no-children", "--sort", "symbol,dso", "-F", "overhead,sym,dso", "-t", "|", "-i", file], cancel);
        return status == 0 ? new Profile([.. Parse(output).OrderByDescending(f => f.Share)], null) : new Profile([], output.Trim());
    }

    /// <summary>SHARE%|[k] NAME|MODULE</summary>
    private static IEnumerable<ProfiledFunction> Parse(string output) =>
        from line in output.Split('\n')
        let fields = line.Split('|').Select(f => f.Trim()).ToArray()
        where fields.Length >= 3 && fields[0].EndsWith('%') && fields[1].Length > 4
        select new ProfiledFunction(
            fields[1][4..].Replace("KubeProxyNet_Proxy_", "", StringComparison.Ordinal),
            fields[1].StartsWith("[k]", StringComparison.Ordinal) ? KernelModule : fields[2],
            double.Parse(fields[0].TrimEnd('%'), CultureInfo.InvariantCulture));
}

internal sealed record ProfiledFunction(string Name, string Module, double Share);

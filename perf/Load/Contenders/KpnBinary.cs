using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Contenders;

/// <summary>The kpn that is measured: a binary that was given, or one published with NativeAOT for the occasion.</summary>
internal static class KpnBinary
{
    /// <summary>The options with a path that exists.</summary>
    public static async Task<LoadOptions> EnsureAsync(LoadOptions options, CancellationToken cancel)
    {
        if (options.BeforePath is { } before && !File.Exists(before))
        {
            throw new LoadException($"--before: there is no file {before}");
        }

        if (options.KpnPath is null && options.Contenders().Contains("kpn"))
        {
            return options with { KpnPath = await PublishAsync(cancel) };
        }

        return options.KpnPath is not { } path || File.Exists(path) ? options : throw new LoadException($"--kpn: there is no file {path}");
    }

    /// <summary>How it was built, and the commit, as it says itself.</summary>
    public static async Task<string> VersionAsync(string binary, CancellationToken cancel)
    {
        var managed = binary.EndsWith(".dll", StringComparison.Ordinal);
        var said = managed
            ? await RunningProcess.RunAsync("dotnet", [binary, "--version"], cancel)
            : await RunningProcess.RunAsync(binary, ["--version"], cancel);
        return $"{said.Trim()} ({(managed ? "just-in-time compiled" : "NativeAOT")})";
    }

    private static async Task<string> PublishAsync(CancellationToken cancel)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "kpn-aot");
        await Console.Error.WriteLineAsync("publishing src/Cli with NativeAOT ...");
        await RunningProcess.RunAsync(
            "dotnet",
            ["publish", "src/Cli", "-c", "Release", "-r", "linux-x64", "-p:PublishAot=true", "-v", "q", "-o", folder],
            cancel,
            Repository.Root());
        return Path.Combine(folder, "kpn");
    }
}

using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load;

/// <summary>The working copy that this program was built from.</summary>
internal static class Repository
{
    public static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KubeProxyNet.sln")))
            {
                return folder.FullName;
            }
        }

        throw new LoadException("the repository's root is not above this program: start it with 'dotnet run --project perf/Load'");
    }

    /// <summary>The short commit id, marked where files differ from it; "unknown" outside a git checkout.</summary>
    public static async Task<string> CommitAsync(CancellationToken cancel)
    {
        try
        {
            return (await RunningProcess.RunAsync("git", ["describe", "--always", "--dirty", "--abbrev=10"], cancel, Root())).Trim();
        }
        catch (Exception e) when (e is LoadException or System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}

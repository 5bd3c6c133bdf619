namespace KubeProxyNet.Testing;

/// <summary>The working copy that the tests were built from.</summary>
public static class Repository
{
    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The full path of something in it.</summary>
    public static string File(string relative) => Path.Combine(Root, relative);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "KubeProxyNet.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no KubeProxyNet.sln above {AppContext.BaseDirectory}");
    }
}

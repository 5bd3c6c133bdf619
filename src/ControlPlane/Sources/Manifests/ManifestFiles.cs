namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Finds the manifest files of a folder.</summary>
internal static class ManifestFiles
{
    /// <summary>Files read from one folder; a folder with more is refused as a whole, for it is not one of manifests.</summary>
    public const int MaxFiles = 100_000;

    /// <summary>True for a name that ends in .yaml, .yml or .json and is not hidden.</summary>
    public static bool IsManifest(string fileName) =>
        !fileName.StartsWith('.')
        && (fileName.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase)
            || fileName.EndsWith(".yml", StringComparison.OrdinalIgnoreCase)
            || fileName.EndsWith(".json", StringComparison.OrdinalIgnoreCase));

    /// <summary>The manifests directly in a folder, by ordinal order of their paths.</summary>
    /// <exception cref="IOException">The folder cannot be read or has too many files.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder must not be read.</exception>
    public static List<string> List(string folder)
    {
        var files = Directory.EnumerateFiles(folder).Where(file => IsManifest(Path.GetFileName(file))).Take(MaxFiles + 1).ToList();
        if (files.Count > MaxFiles)
        {
            throw new IOException($"{folder} has more than {MaxFiles} manifest files");
        }

        files.Sort(StringComparer.Ordinal);
        return files;
    }

    /// <summary>What tells a file from the same file after a change; null when it is gone.</summary>
    public static FileStamp? StampOf(string file)
    {
        try
        {
            var info = new FileInfo(file);
            if (info.LinkTarget is null)
            {
                return info.Exists ? new FileStamp(file, info.Length, info.LastWriteTimeUtc) : null;
            }

            // A mounted ConfigMap is a folder of links through one link to a folder, "..data", which is what changes: no link's own time does.
            var target = (FileInfo?)info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
            var folder = target.Directory?.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? target.DirectoryName ?? "";
            return target.Exists ? new FileStamp(Path.Combine(folder, target.Name), target.Length, target.LastWriteTimeUtc) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}

/// <summary>What tells a file from the same file after a change.</summary>
/// <param name="Target">The file that the links lead to.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="LastWriteTime">Time of the last change, UTC.</param>
internal readonly record struct FileStamp(string Target, long Length, DateTime LastWriteTime);

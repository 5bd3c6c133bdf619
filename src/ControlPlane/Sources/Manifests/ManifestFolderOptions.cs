namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>How a folder of manifests is watched.</summary>
public sealed record ManifestFolderOptions
{
    /// <summary>The folder; its subfolders are not read.</summary>
    public required string Folder { get; init; }

    /// <summary>Time without a change after which changed files are read, so that one which is still being written is left alone; 50 ms by default.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Time after which changed files are read although more changes come; 500 ms by default.</summary>
    public TimeSpan MaximumDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Time between looks at every file, for changes that were not notified (network file systems); 10 s by default.</summary>
    public TimeSpan RescanInterval { get; init; } = TimeSpan.FromSeconds(10);
}

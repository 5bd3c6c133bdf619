namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Watches a folder as a whole, so that links which are moved over others are seen, as a kubelet renews what it mounts. Tells of a change once the folder has been
/// quiet for a moment.
/// </summary>
internal sealed class FolderWatch : IDisposable
{
    private readonly FileSystemWatcher _watcher;
    private readonly ITimer _settled;
    private readonly TimeSpan _settling;

    /// <summary>Begins to watch.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="time">Clock.</param>
    /// <param name="settling">How long it has to be quiet.</param>
    /// <param name="changed">Told the folder.</param>
    /// <exception cref="ArgumentException">There is no such folder.</exception>
    /// <exception cref="IOException">The system allows no more watches.</exception>
    public FolderWatch(string folder, TimeProvider time, TimeSpan settling, Action<string> changed)
    {
        _settling = settling;
        _settled = time.CreateTimer(_ => changed(folder), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _watcher = new FileSystemWatcher(folder);
        _watcher.Changed += OnChange;
        _watcher.Created += OnChange;
        _watcher.Deleted += OnChange;
        _watcher.Renamed += OnChange;
        _watcher.Error += (_, _) => Restart();
        _watcher.EnableRaisingEvents = true;
    }

    public void Dispose()
    {
        _watcher.Dispose();
        _settled.Dispose();
    }

    private void OnChange(object sender, FileSystemEventArgs e) => Restart();

    private void Restart() => _settled.Change(_settling, Timeout.InfiniteTimeSpan);
}

namespace KubeProxyNet.Proxy.Config;

/// <summary>The folders that are watched now. Whoever has it sees to it that one thread at a time uses it.</summary>
/// <param name="time">Clock.</param>
/// <param name="settling">How long a folder has to be quiet before a change in it is told.</param>
/// <param name="changed">Told the folder, on any thread.</param>
/// <param name="notWatched">Told a folder that cannot be watched, and why.</param>
internal sealed class FolderWatches(TimeProvider time, TimeSpan settling, Action<string> changed, Action<string, string> notWatched) : IDisposable
{
    private readonly Dictionary<string, FolderWatch> _watches = new(StringComparer.Ordinal);

    /// <summary>True where changes in the folder are seen.</summary>
    public bool Contains(string folder) => _watches.ContainsKey(folder);

    /// <summary>Watches these folders and no others.</summary>
    /// <returns>Those that were not watched before; <see cref="Contains"/> says whether they are now.</returns>
    public IReadOnlyList<string> Follow(IReadOnlySet<string> folders)
    {
        foreach (var gone in _watches.Keys.Where(folder => !folders.Contains(folder)).ToArray())
        {
            _watches.Remove(gone, out var watch);
            watch!.Dispose();
        }

        string[] added = [.. folders.Where(folder => !_watches.ContainsKey(folder))];
        foreach (var folder in added)
        {
            try
            {
                _watches[folder] = new FolderWatch(folder, time, settling, changed);
            }
            catch (Exception error) when (error is IOException or ArgumentException)
            {
                notWatched(folder, error.Message);
            }
        }

        return added;
    }

    public void Dispose()
    {
        foreach (var watch in _watches.Values)
        {
            watch.Dispose();
        }

        _watches.Clear();
    }
}

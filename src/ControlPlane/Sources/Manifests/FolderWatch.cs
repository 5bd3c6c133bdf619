namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// Collects the names of files that changed in a folder. Bounded: when too many names wait, or the system lost some, the answer is "look at all of them".
/// </summary>
internal sealed class FolderWatch : IDisposable
{
    private const int MaxNames = 4096;

    private readonly Lock _lock = new();
    private readonly string _folder;
    private readonly ChangeSignal _changed;
    private HashSet<string>? _names = new(StringComparer.Ordinal);
    private FileSystemWatcher? _watcher;

    public FolderWatch(string folder, ChangeSignal changed)
    {
        _folder = folder;
        _changed = changed;
    }

    /// <summary>Begins to watch; also called when the folder came back after it was gone. Does nothing while a watch works.</summary>
    /// <exception cref="IOException">The system refuses another watch.</exception>
    /// <exception cref="ArgumentException">The folder does not exist.</exception>
    public void EnsureStarted()
    {
        lock (_lock)
        {
            if (_watcher is not null)
            {
                return;
            }

            var watcher = new FileSystemWatcher(_folder)
            {
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size | NotifyFilters.Attributes,
            };
            watcher.Created += (_, change) => Note(change.Name);
            watcher.Changed += (_, change) => Note(change.Name);
            watcher.Deleted += (_, change) => Note(change.Name);
            watcher.Renamed += (_, change) =>
            {
                Note(change.OldName);
                Note(change.Name);
            };
            watcher.Error += (_, _) => NoteLoss();
            try
            {
                watcher.EnableRaisingEvents = true;
            }
            catch
            {
                watcher.Dispose();
                throw;
            }

            _watcher = watcher;
        }
    }

    /// <summary>Drops a watch that no longer works, as when its folder was removed.</summary>
    public void Stop()
    {
        FileSystemWatcher? watcher;
        lock (_lock)
        {
            watcher = _watcher;
            _watcher = null;
        }

        watcher?.Dispose();
    }

    /// <summary>The names that changed since the last call; null when every file has to be looked at.</summary>
    public IReadOnlySet<string>? TakeNames()
    {
        lock (_lock)
        {
            var names = _names;
            _names = new HashSet<string>(StringComparer.Ordinal);
            return names;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Stop();

    private void Note(string? name)
    {
        lock (_lock)
        {
            // A name that is no manifest may still move manifests: a mounted ConfigMap swaps the link "..data" that all others go through.
            if (name is null || !ManifestFiles.IsManifest(name) || _names is { Count: >= MaxNames })
            {
                _names = null;
            }

            _names?.Add(name!);
        }

        _changed.Raise();
    }

    private void NoteLoss()
    {
        lock (_lock)
        {
            _names = null;
        }

        _changed.Raise();
    }
}

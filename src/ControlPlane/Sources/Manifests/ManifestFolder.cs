using System.Collections.Immutable;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// A folder of manifests as a source of objects, watched: files that are added, edited, removed or renamed into place change the objects within
/// a fraction of a second. Only files that changed are read. While the folder itself cannot be read, the last objects stay.
/// </summary>
public sealed class ManifestFolder : IAsyncDisposable
{
    private readonly ManifestFolderOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ChangeSignal _filesChanged;
    private readonly FolderWatch _watch;
    private readonly ManifestSet _manifests = new();
    private readonly Dictionary<string, FileStamp> _stamps = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private Diagnostic? _folderFault;
    private Diagnostic? _watchFault;
    private Task _running = Task.CompletedTask;
    private ImmutableArray<Diagnostic> _diagnostics = [];

    /// <summary>Makes a source that is not yet started.</summary>
    /// <param name="options">Where and how.</param>
    /// <param name="timeProvider">The clock.</param>
    public ManifestFolder(ManifestFolderOptions options, TimeProvider timeProvider)
    {
        _options = options;
        _timeProvider = timeProvider;
        _filesChanged = new ChangeSignal(timeProvider);
        _watch = new FolderWatch(options.Folder, _filesChanged);
        Objects = new ObjectStore(timeProvider);
    }

    /// <summary>The objects; <see cref="ObjectStore.Changed"/> is raised for a change of <see cref="Diagnostics"/> too.</summary>
    public ObjectStore Objects { get; }

    /// <summary>What is wrong in the files as of the last look. Any thread may read it.</summary>
    public ImmutableArray<Diagnostic> Diagnostics => ImmutableInterlocked.InterlockedCompareExchange(ref _diagnostics, default, default);

    /// <summary>Reads every file and then begins to watch. When it returns, <see cref="Objects"/> holds what the folder says.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public void Start()
    {
        if (!Directory.Exists(_options.Folder))
        {
            throw new DirectoryNotFoundException($"the manifest folder {_options.Folder} does not exist");
        }

        ScanAll();
        _running = Task.Run(RunAsync);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _watch.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                var woken = await _filesChanged.WaitAsync(_options.RescanInterval, _stop.Token);
                if (woken)
                {
                    await _filesChanged.SettleAsync(_options.Quiet, _options.MaximumDelay, _stop.Token);
                }

                if (_watch.TakeNames() is { } names && woken)
                {
                    Read(names.Select(name => Path.Combine(_options.Folder, name)).ToHashSet(StringComparer.Ordinal), evenIfSameStamp: true);
                }
                else
                {
                    ScanAll();
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
    }

    private void ScanAll()
    {
        // The watch goes first: what changes between the two is then noted and read again.
        _watchFault = Watch();
        try
        {
            var files = ManifestFiles.List(_options.Folder).ToHashSet(StringComparer.Ordinal);
            files.UnionWith(_manifests.Files);
            _folderFault = null;
            Read(files, evenIfSameStamp: false);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            _watch.Stop();
            _watchFault = null;
            _folderFault = new Diagnostic(
                DiagnosticSeverity.Error,
                DiagnosticReason.UnreadableFile,
                $"the folder cannot be read ({fault.Message.TrimEnd('.')}), so its last objects stay in force",
                "restore the folder; it is looked for again every few seconds",
                new SourceLocation(_options.Folder, 0));
            Read([], evenIfSameStamp: false);
        }
    }

    /// <summary>Begins to watch where that is not done yet. Without a watch, as when the system has no more of them, changes are seen by the rescan alone.</summary>
    private Diagnostic? Watch()
    {
        try
        {
            _watch.EnsureStarted();
            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new Diagnostic(
                DiagnosticSeverity.Warning,
                DiagnosticReason.UnreadableFile,
                $"the folder cannot be watched ({fault.Message.TrimEnd('.')}), so a change is seen only after up to {_options.RescanInterval.TotalSeconds} s",
                "raise the system's limits of inotify (fs.inotify.max_user_instances and max_user_watches)",
                new SourceLocation(_options.Folder, 0));
        }
    }

    private void Read(HashSet<string> files, bool evenIfSameStamp)
    {
        // A folder that vanished takes its files along; that is no order to forget their objects.
        if (_folderFault is null && files.Count > 0 && !Directory.Exists(_options.Folder))
        {
            ScanAll();
            return;
        }

        var contents = new List<KeyValuePair<string, ManifestContent?>>();
        foreach (var file in files)
        {
            if (ManifestFiles.StampOf(file) is not { } stamp)
            {
                if (_stamps.Remove(file))
                {
                    contents.Add(new KeyValuePair<string, ManifestContent?>(file, null));
                }

                continue;
            }

            if (evenIfSameStamp || !_stamps.TryGetValue(file, out var known) || known != stamp)
            {
                _stamps[file] = stamp;
                contents.Add(new KeyValuePair<string, ManifestContent?>(file, ManifestReader.Read(file)));
            }
        }

        Objects.Apply(_manifests.Apply(contents));
        PublishDiagnostics();
    }

    private void PublishDiagnostics()
    {
        var now = _manifests.Diagnostics;
        if ((_folderFault ?? _watchFault) is { } fault)
        {
            now = now.Insert(0, fault);
        }

        if (!now.AsSpan().SequenceEqual(_diagnostics.AsSpan()))
        {
            ImmutableInterlocked.InterlockedExchange(ref _diagnostics, now);
            Objects.Changed.Raise();
        }
    }
}

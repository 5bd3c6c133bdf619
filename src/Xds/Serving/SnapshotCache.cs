namespace KubeProxyNet.Xds.Serving;

/// <summary>
/// The latest snapshot of each group of proxies. Safe for any thread. A watcher learns that there is a newer snapshot and fetches it when it
/// is ready for it, so that a slow one skips what came between and nothing queues up.
/// </summary>
public sealed class SnapshotCache
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Snapshot> _snapshots = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<Watcher>> _watchers = new(StringComparer.Ordinal);

    /// <summary>The groups that have a snapshot, in no particular order.</summary>
    public IReadOnlyCollection<string> Groups
    {
        get
        {
            lock (_lock)
            {
                return [.. _snapshots.Keys];
            }
        }
    }

    /// <summary>The latest snapshot of a group; null before the first one.</summary>
    /// <param name="group">Name of the group.</param>
    public Snapshot? Get(string group)
    {
        lock (_lock)
        {
            return _snapshots.GetValueOrDefault(group);
        }
    }

    /// <summary>Replaces the snapshot of a group and calls its watchers, on this thread and before it returns.</summary>
    /// <param name="group">Name of the group.</param>
    /// <param name="snapshot">The snapshot. Whether it is consistent is the caller's concern: see <see cref="Snapshot.Validate"/>.</param>
    public void Set(string group, Snapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        Watcher[] watchers;
        lock (_lock)
        {
            _snapshots[group] = snapshot;
            watchers = _watchers.TryGetValue(group, out var found) ? [.. found] : [];
        }

        foreach (var watcher in watchers)
        {
            watcher.Changed();
        }
    }

    /// <summary>Forgets the snapshot of a group. Watchers stay and are not called: proxies keep what they have.</summary>
    /// <param name="group">Name of the group.</param>
    public void Remove(string group)
    {
        lock (_lock)
        {
            _snapshots.Remove(group);
        }
    }

    /// <summary>Watches a group, whether or not it has a snapshot yet.</summary>
    /// <param name="group">Name of the group.</param>
    /// <param name="changed">Called after each change, on the thread that made it; must return at once and not throw. One call may come after the end of the watch.</param>
    /// <returns>Ends the watch when disposed.</returns>
    public IDisposable Watch(string group, Action changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var watcher = new Watcher(this, group, changed);
        lock (_lock)
        {
            if (!_watchers.TryGetValue(group, out var watchers))
            {
                _watchers[group] = watchers = [];
            }

            watchers.Add(watcher);
        }

        return watcher;
    }

    private void Forget(Watcher watcher, string group)
    {
        lock (_lock)
        {
            if (_watchers.TryGetValue(group, out var watchers) && watchers.Remove(watcher) && watchers.Count == 0)
            {
                _watchers.Remove(group);
            }
        }
    }

    private sealed class Watcher(SnapshotCache cache, string group, Action changed) : IDisposable
    {
        public void Changed() => changed();

        public void Dispose() => cache.Forget(this, group);
    }
}

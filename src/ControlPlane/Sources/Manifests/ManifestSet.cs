using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>
/// The objects of several files together. An object that is wrong now keeps its last good version; one that stands in two files is taken from the
/// first, by ordinal order of the names. One thread at a time may use an instance.
/// </summary>
internal sealed class ManifestSet
{
    private readonly SortedDictionary<string, FileObjects> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, SortedSet<string>> _holders = [];
    private readonly HashSet<ObjectKey> _duplicates = [];

    /// <summary>What is wrong in the files as they are now, by file and line.</summary>
    public ImmutableArray<Diagnostic> Diagnostics => [.. _files.Values.SelectMany(file => file.Diagnostics).Concat(Duplicates())];

    /// <summary>The files that are held.</summary>
    public IReadOnlyCollection<string> Files => _files.Keys;

    /// <summary>Takes what some files say now and returns which objects that changes.</summary>
    /// <param name="contents">The new content of each file; null when the file is gone.</param>
    public IReadOnlyCollection<ObjectChange> Apply(IEnumerable<KeyValuePair<string, ManifestContent?>> contents)
    {
        var touched = new HashSet<ObjectKey>();
        foreach (var (file, content) in contents)
        {
            Replace(file, content, touched);
        }

        var changes = new List<ObjectChange>(touched.Count);
        foreach (var key in touched)
        {
            if (!_holders.TryGetValue(key, out var holders))
            {
                _duplicates.Remove(key);
                changes.Add(new ObjectChange(key, null));
                continue;
            }

            changes.Add(new ObjectChange(key, _files[holders.Min!].Objects[key]));
            if (holders.Count > 1)
            {
                _duplicates.Add(key);
            }
            else
            {
                _duplicates.Remove(key);
            }
        }

        return changes;
    }

    private void Replace(string file, ManifestContent? content, HashSet<ObjectKey> touched)
    {
        var before = _files.GetValueOrDefault(file)?.Objects ?? [];
        var now = new Dictionary<ObjectKey, KubernetesObject>();
        foreach (var item in content?.Objects ?? [])
        {
            now.Add(item.Key, item);
        }

        foreach (var (key, lastGood) in before)
        {
            // What cannot be read cannot be told from what was removed, so a file that is broken anywhere takes nothing away.
            if (content is not null && (!content.IsComplete || content.Refused.Contains(key)))
            {
                now.TryAdd(key, lastGood);
            }
        }

        foreach (var key in before.Keys.Where(key => !now.ContainsKey(key)))
        {
            touched.Add(key);
            if (_holders[key].Remove(file) && _holders[key].Count == 0)
            {
                _holders.Remove(key);
            }
        }

        foreach (var key in now.Keys)
        {
            touched.Add(key);
            if (!_holders.TryGetValue(key, out var holders))
            {
                _holders.Add(key, holders = new SortedSet<string>(StringComparer.Ordinal));
            }

            holders.Add(file);
        }

        if (content is null)
        {
            _files.Remove(file);
        }
        else
        {
            _files[file] = new FileObjects(now, content.Diagnostics);
        }
    }

    private IEnumerable<Diagnostic> Duplicates() =>
        from key in _duplicates.OrderBy(key => key.Kind, StringComparer.Ordinal).ThenBy(key => key.Name, ObjectName.Order)
        let used = _files[_holders[key].Min!].Objects[key].Metadata.Location
        from file in _holders[key].Skip(1)
        select new Diagnostic(
            DiagnosticSeverity.Error,
            DiagnosticReason.DuplicateObject,
            $"stands in {used} too; that one is used",
            "remove one of the two",
            _files[file].Objects[key].Metadata.Location,
            key);

    private sealed record FileObjects(Dictionary<ObjectKey, KubernetesObject> Objects, ImmutableArray<Diagnostic> Diagnostics);
}

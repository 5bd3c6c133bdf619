namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Remembers the resources of one type together with the part of the model that each was made from.</summary>
/// <param name="nameOf">The name under which a part's resource is known.</param>
/// <param name="emit">Makes the resource of a part.</param>
internal sealed class ResourceCache<TPart>(Func<TPart, string> nameOf, Func<TPart, EmittedResource> emit)
    where TPart : notnull
{
    private Dictionary<string, (TPart Part, EmittedResource Resource)> _known = [];
    private EmittedResource[] _list = [];

    /// <summary>The resources of these parts, ordered by name; the same list as last time when no part changed.</summary>
    public IReadOnlyList<EmittedResource> Emit(IEnumerable<TPart> parts)
    {
        var now = new Dictionary<string, (TPart Part, EmittedResource Resource)>(_known.Count);
        var reused = 0;
        foreach (var part in parts)
        {
            var name = nameOf(part);
            if (_known.TryGetValue(name, out var known) && EqualityComparer<TPart>.Default.Equals(known.Part, part))
            {
                now.Add(name, known);
                reused++;
            }
            else
            {
                now.Add(name, (part, emit(part)));
            }
        }

        if (reused != now.Count || now.Count != _known.Count)
        {
            _list = [.. now.Values.Select(entry => entry.Resource).OrderBy(resource => resource.Id.Name, StringComparer.Ordinal)];
            _known = now;
        }

        return _list;
    }
}

using System.Collections.Immutable;

namespace KubeProxyNet.Xds.Serving;

/// <summary>All resources of one type by name, with a version of the whole. Immutable; a change costs what changed, not what there is.</summary>
public sealed class ResourceSet
{
    private readonly UInt128 _digest;

    private ResourceSet(ImmutableDictionary<string, XdsResource> byName, UInt128 digest)
    {
        ByName = byName;
        _digest = digest;
        Version = $"{digest:x32}"[..16];
    }

    /// <summary>The set without resources.</summary>
    public static ResourceSet Empty { get; } = new(ImmutableDictionary.Create<string, XdsResource>(StringComparer.Ordinal), 0);

    /// <summary>The resources by name.</summary>
    public ImmutableDictionary<string, XdsResource> ByName { get; }

    /// <summary>A hash of names and contents: equal sets have an equal version, in whichever order they were built.</summary>
    public string Version { get; }

    /// <summary>The set with resources added or replaced and others removed.</summary>
    /// <param name="changed">Resources of this set's type.</param>
    /// <param name="removed">Names; those that are not there are passed over.</param>
    public ResourceSet With(IEnumerable<XdsResource> changed, IEnumerable<string> removed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(removed);
        var resources = ByName.ToBuilder();
        var digest = _digest;
        foreach (var name in removed)
        {
            if (resources.TryGetValue(name, out var old) && resources.Remove(name))
            {
                digest -= old.Digest;
            }
        }

        foreach (var resource in changed)
        {
            digest += resource.Digest - (resources.TryGetValue(resource.Name, out var old) ? old.Digest : 0);
            resources[resource.Name] = resource;
        }

        return new ResourceSet(resources.ToImmutable(), digest);
    }
}

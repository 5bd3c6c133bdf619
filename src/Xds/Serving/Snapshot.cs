using System.Collections.Immutable;
using Google.Protobuf;

namespace KubeProxyNet.Xds.Serving;

/// <summary>Everything that a group of proxies is to have, at one moment. Immutable.</summary>
public sealed class Snapshot
{
    private readonly ImmutableDictionary<string, ResourceSet> _byType;

    private Snapshot(ImmutableDictionary<string, ResourceSet> byType)
    {
        _byType = byType;
    }

    /// <summary>The snapshot without resources.</summary>
    public static Snapshot Empty { get; } = new(ImmutableDictionary.Create<string, ResourceSet>(StringComparer.Ordinal));

    /// <summary>The resources of one type; empty where there is none.</summary>
    /// <param name="typeUrl">One of <see cref="XdsTypeUrls"/>.</param>
    public ResourceSet this[string typeUrl] => _byType.GetValueOrDefault(typeUrl, ResourceSet.Empty);

    /// <summary>A snapshot of these resources.</summary>
    /// <param name="messages">Clusters, cluster load assignments, listeners, route configurations, secrets in any order. Of two with one type and name the last counts.</param>
    public static Snapshot Create(IEnumerable<IMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Empty.With(messages.Select(XdsResource.Create), []);
    }

    /// <summary>This snapshot with resources added or replaced and others removed. Sets of other types are shared with this one.</summary>
    /// <param name="changed">Resources of any types.</param>
    /// <param name="removed">Resources to take out; those that are not there are passed over.</param>
    public Snapshot With(IEnumerable<XdsResource> changed, IEnumerable<XdsReference> removed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(removed);
        var changedByType = changed.ToLookup(resource => resource.TypeUrl, StringComparer.Ordinal);
        var removedByType = removed.ToLookup(resource => resource.TypeUrl, resource => resource.Name, StringComparer.Ordinal);
        var sets = _byType;
        foreach (var typeUrl in changedByType.Select(type => type.Key).Union(removedByType.Select(type => type.Key), StringComparer.Ordinal))
        {
            sets = sets.SetItem(typeUrl, this[typeUrl].With(changedByType[typeUrl], removedByType[typeUrl]));
        }

        return new Snapshot(sets);
    }

    /// <summary>Finds the names that lead nowhere: routes to no cluster, listeners to no route configuration or secret, EDS clusters to no endpoints.</summary>
    /// <returns>One line for each, such as <c>RouteConfiguration "web" names Cluster "a", which does not exist</c>; empty for a consistent snapshot.</returns>
    public IReadOnlyList<string> Validate() =>
    [
        .. from set in _byType.Values
           from resource in set.ByName.Values
           from reference in resource.References
           where !this[reference.TypeUrl].ByName.ContainsKey(reference.Name)
           let text = $"{ShortName(resource.TypeUrl)} \"{resource.Name}\" names {ShortName(reference.TypeUrl)} \"{reference.Name}\", which does not exist"
           orderby text
           select text,
    ];

    private static string ShortName(string typeUrl) => typeUrl[(typeUrl.LastIndexOf('.') + 1)..];
}

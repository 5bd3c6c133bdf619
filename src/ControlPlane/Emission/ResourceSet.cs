using KubeProxyNet.Xds;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>
/// Every resource that a proxy gets, at one moment. Lists are ordered by name; a list that did not change is the same reference as in the set before.
/// </summary>
/// <param name="Listeners">Of type <see cref="XdsTypeUrls.Listener"/>.</param>
/// <param name="RouteConfigurations">Of type <see cref="XdsTypeUrls.RouteConfiguration"/>.</param>
/// <param name="Clusters">Of type <see cref="XdsTypeUrls.Cluster"/>.</param>
/// <param name="LoadAssignments">Of type <see cref="XdsTypeUrls.ClusterLoadAssignment"/>.</param>
public sealed record ResourceSet(
    IReadOnlyList<EmittedResource> Listeners,
    IReadOnlyList<EmittedResource> RouteConfigurations,
    IReadOnlyList<EmittedResource> Clusters,
    IReadOnlyList<EmittedResource> LoadAssignments)
{
    /// <summary>No resource at all.</summary>
    public static ResourceSet Empty { get; } = new([], [], [], []);

    /// <summary>Every resource, what is named before what names it.</summary>
    public IEnumerable<EmittedResource> All => LoadAssignments.Concat(Clusters).Concat(RouteConfigurations).Concat(Listeners);

    /// <summary>
    /// Names that lead nowhere. A set with one must not be served: a proxy would wait for the missing resource, or answer 503 for it.
    /// </summary>
    /// <returns>Each missing resource beside the resource that names it; empty when the set is whole.</returns>
    public IReadOnlyList<(ResourceId Missing, ResourceId NamedBy)> FindDanglingNames()
    {
        var present = new HashSet<ResourceId>(LoadAssignments.Count + Clusters.Count + RouteConfigurations.Count + Listeners.Count);
        var dangling = new List<(ResourceId Missing, ResourceId NamedBy)>();
        foreach (var resource in All)
        {
            present.Add(resource.Id);
            foreach (var reference in resource.References)
            {
                if (!present.Contains(reference))
                {
                    dangling.Add((reference, resource.Id));
                }
            }
        }

        return dangling;
    }
}

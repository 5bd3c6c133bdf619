using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>
/// Every object at one moment. Immutable; two snapshots share what did not change by reference, so a reader sees in constant time whether a
/// collection or an object is the one it knows.
/// </summary>
public sealed record ObjectSnapshot
{
    /// <summary>No object at all.</summary>
    public static ObjectSnapshot Empty { get; } = new();

    /// <summary>The Services.</summary>
    public ImmutableDictionary<ObjectName, Service> Services { get; init; } = ImmutableDictionary<ObjectName, Service>.Empty;

    /// <summary>The Ingresses.</summary>
    public ImmutableDictionary<ObjectName, Ingress> Ingresses { get; init; } = ImmutableDictionary<ObjectName, Ingress>.Empty;

    /// <summary>The IngressClasses; their namespace is empty.</summary>
    public ImmutableDictionary<ObjectName, IngressClass> IngressClasses { get; init; } = ImmutableDictionary<ObjectName, IngressClass>.Empty;

    /// <summary>The Secrets.</summary>
    public ImmutableDictionary<ObjectName, Secret> Secrets { get; init; } = ImmutableDictionary<ObjectName, Secret>.Empty;

    /// <summary>The EndpointSlices by their own names.</summary>
    public ImmutableDictionary<ObjectName, EndpointSlice> EndpointSlices { get; init; } = ImmutableDictionary<ObjectName, EndpointSlice>.Empty;

    /// <summary>The EndpointSlices by the Service that they belong to, ordered by name.</summary>
    public ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>> SlicesByService { get; init; } =
        ImmutableDictionary<ObjectName, ImmutableArray<EndpointSlice>>.Empty;

    /// <summary>The EndpointSlices that belong to no Service, because their label is missing, by their own names.</summary>
    public ImmutableDictionary<ObjectName, EndpointSlice> UnboundSlices { get; init; } = ImmutableDictionary<ObjectName, EndpointSlice>.Empty;
}

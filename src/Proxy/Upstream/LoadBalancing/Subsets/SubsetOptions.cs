using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Metadata;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>Where a request goes that matches no subset: Envoy's <c>LbSubsetFallbackPolicy</c>.</summary>
public enum SubsetFallback
{
    /// <summary>Nowhere.</summary>
    NoFallback,

    /// <summary>To any endpoint of the cluster.</summary>
    AnyEndpoint,

    /// <summary>To the endpoints that match <see cref="SubsetOptions.DefaultSubset"/>.</summary>
    DefaultSubset,
}

/// <summary>Where a request goes whose keys are those of a selector and which matches no subset: Envoy's <c>LbSubsetSelectorFallbackPolicy</c>.</summary>
public enum SubsetSelectorFallback
{
    /// <summary>As the cluster says.</summary>
    NotDefined,

    /// <summary>Nowhere.</summary>
    NoFallback,

    /// <summary>To any endpoint of the cluster.</summary>
    AnyEndpoint,

    /// <summary>To the endpoints that match <see cref="SubsetOptions.DefaultSubset"/>.</summary>
    DefaultSubset,

    /// <summary>To where a request would go that asks only for <see cref="SubsetSelector.FallbackKeys"/>.</summary>
    KeysSubset,
}

/// <summary>Makes a subset of each combination of values that endpoints have for its keys.</summary>
/// <param name="Keys">At least one, in ordinal order and each once.</param>
public sealed record SubsetSelector(ValueList<string> Keys)
{
    /// <summary>True where the first endpoint of a subset is the only one that is used, whatever its health and priority.</summary>
    public bool SingleHostPerSubset { get; init; }

    /// <summary>Where requests go that match none.</summary>
    public SubsetSelectorFallback Fallback { get; init; }

    /// <summary>For <see cref="SubsetSelectorFallback.KeysSubset"/>: some of the keys, but not all.</summary>
    public ValueList<string> FallbackKeys { get; init; } = ValueList<string>.Empty;
}

/// <summary>How endpoints are divided by their metadata: Envoy's <c>LbSubsetConfig</c>, whose names and defaults these are.</summary>
/// <param name="Selectors">At least one.</param>
public sealed record SubsetOptions(ValueList<SubsetSelector> Selectors)
{
    /// <summary>Where requests go that match no subset.</summary>
    public SubsetFallback Fallback { get; init; }

    /// <summary>What the endpoints of the default subset have; nothing, which all of them have, by default.</summary>
    public MetadataMatch DefaultSubset { get; init; } = new([]);

    /// <summary>True to let the weights of localities hold inside subsets.</summary>
    public bool IsLocalityWeightAware { get; init; }

    /// <summary>True to scale the weight of a locality by how much of it is in the subset.</summary>
    public bool ScalesLocalityWeight { get; init; }

    /// <summary>True to use any endpoint where the fallback has none that can be used.</summary>
    public bool PanicModeAny { get; init; }

    /// <summary>True where an endpoint whose value is a list belongs to the subset of each element.</summary>
    public bool ListAsAny { get; init; }

    /// <summary>True where <c>fallback_list</c> of a route's match names further matches to try in turn (<c>FALLBACK_LIST</c>).</summary>
    public bool UsesFallbackList { get; init; }

    /// <summary>True where a match may have keys that no selector has: the selector with the most keys that it has all of is used.</summary>
    public bool AllowsRedundantKeys { get; init; }
}

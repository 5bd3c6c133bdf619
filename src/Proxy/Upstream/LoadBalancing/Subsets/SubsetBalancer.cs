using System.Collections.Concurrent;
using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>
/// Picks from the endpoints whose metadata is what the route asks for. Which those are is found out once for each match that routes have; afterwards a
/// pick costs one look into a table by a hash that was computed before. Source: Envoy documentation, "Load balancer subsets".
/// </summary>
internal sealed class SubsetBalancer : ILoadBalancer
{
    /// <summary>Most matches that are remembered. Routes come and go while a cluster stays.</summary>
    private const int MaxRoutes = 4096;

    private readonly SubsetOptions _options;
    private readonly SubsetStats _stats;
    private readonly SubsetStep[] _fallback;
    private readonly ConcurrentDictionary<MetadataMatch, SubsetStep[]> _routes = new();

    private SubsetBalancer(SubsetOptions options, SubsetTable table, SubsetStats stats)
    {
        _options = options;
        _stats = stats;
        Table = table;
        _fallback = [.. FallbackOf(options, table)];
    }

    /// <summary>The subsets.</summary>
    public SubsetTable Table { get; }

    public IEnumerable<Endpoint> Candidates => CandidatesOf(null);

    /// <summary>A balancer over subsets.</summary>
    /// <param name="state">The cluster, which has subsets.</param>
    /// <param name="endpoints">All its endpoints.</param>
    /// <param name="previous">What is replaced; null for nothing.</param>
    /// <param name="balancer">Makes the balancer of a subset, for the cluster's configuration inside of it.</param>
    public static SubsetBalancer Build(ClusterState state, ImmutableArray<Endpoint> endpoints, ILoadBalancer? previous, Func<ClusterConfig, Endpoint[], ILoadBalancer> balancer)
    {
        var config = state.Balanced;
        var options = config.Balancing.Subsets!;
        var inside = config with
        {
            Balancing = config.Balancing with { Subsets = null, IsLocalityWeighted = config.Balancing.IsLocalityWeighted && options.IsLocalityWeightAware },
        };
        return new SubsetBalancer(options, SubsetTable.Build(state, endpoints, (previous as SubsetBalancer)?.Table, hosts => balancer(inside, hosts)), state.Subsets!);
    }

    public Endpoint? Pick(in PickRequest request)
    {
        var steps = request.Match is { } match ? StepsOf(match) : _fallback;
        var page = request.Worker.Stats;
        foreach (var step in steps)
        {
            if (step.Kind == SubsetStepKind.Selected)
            {
                page.Increment(_stats.Selected);
            }

            if (step.Balancer.Pick(request) is not { } endpoint)
            {
                continue;
            }

            if (step.Kind is SubsetStepKind.Fallback or SubsetStepKind.Panic)
            {
                page.Increment(step.Kind == SubsetStepKind.Fallback ? _stats.Fallback : _stats.FallbackPanic);
            }

            return endpoint;
        }

        return null;
    }

    /// <summary>The endpoints that requests with this match may go to: those of the first subset in turn that has any.</summary>
    public IEnumerable<Endpoint> CandidatesOf(MetadataMatch? match) =>
        (match is null ? _fallback : StepsOf(match)).Select(static step => step.Balancer.Candidates).FirstOrDefault(static candidates => candidates.Any()) ?? [];

    private SubsetStep[] StepsOf(MetadataMatch match) => _routes.TryGetValue(match, out var steps) ? steps : Remember(match);

    private SubsetStep[] Remember(MetadataMatch match)
    {
        if (_routes.Count >= MaxRoutes)
        {
            _routes.Clear();
        }

        return _routes[match] = _options.UsesFallbackList && match.Fallbacks is { } fallbacks ? [.. fallbacks.SelectMany(Iterate)] : [.. Iterate(match)];
    }

    private IEnumerable<SubsetStep> Iterate(MetadataMatch asked)
    {
        var match = _options.AllowsRedundantKeys ? Reduce(asked) : asked;
        if (Table.Find(match) is { } found)
        {
            return [new SubsetStep(found, SubsetStepKind.Selected)];
        }

        var selector = Table.SelectorOf(match);
        return (selector?.Fallback ?? SubsetSelectorFallback.NotDefined) switch
        {
            SubsetSelectorFallback.NoFallback => [],
            SubsetSelectorFallback.AnyEndpoint => [new SubsetStep(Table.Any!.Balancer, SubsetStepKind.SelectorFallback)],
            SubsetSelectorFallback.DefaultSubset => [new SubsetStep(Table.Default!.Balancer, SubsetStepKind.SelectorFallback)],
            SubsetSelectorFallback.KeysSubset => Iterate(match.Only(selector!.FallbackKeys)),
            _ => _fallback,
        };
    }

    /// <summary>The match without keys that are too many for the longest selector that it has all keys of.</summary>
    private MetadataMatch Reduce(MetadataMatch match)
    {
        foreach (var selector in _options.Selectors.OrderByDescending(static selector => selector.Keys.Count))
        {
            var reduced = match.Only(selector.Keys);
            if (reduced.Labels.Length == selector.Keys.Count)
            {
                return reduced;
            }
        }

        return match;
    }

    private static IEnumerable<SubsetStep> FallbackOf(SubsetOptions options, SubsetTable table)
    {
        // As in Envoy: without a fallback there is no panic either.
        if (options.Fallback == SubsetFallback.NoFallback)
        {
            yield break;
        }

        yield return new SubsetStep((options.Fallback == SubsetFallback.AnyEndpoint ? table.Any! : table.Default!).Balancer, SubsetStepKind.Fallback);
        if (options.PanicModeAny)
        {
            yield return new SubsetStep(table.Any!.Balancer, SubsetStepKind.Panic);
        }
    }

    private enum SubsetStepKind : byte
    {
        Selected,
        Fallback,
        Panic,
        SelectorFallback,
    }

    /// <summary>One of the balancers that are asked in turn.</summary>
    private readonly record struct SubsetStep(ILoadBalancer Balancer, SubsetStepKind Kind);
}

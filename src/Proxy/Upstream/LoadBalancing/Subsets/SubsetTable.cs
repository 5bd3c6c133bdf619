using System.Collections.Frozen;
using System.Collections.Immutable;
using KubeProxyNet.Proxy.Metadata;

namespace KubeProxyNet.Proxy.Upstream.LoadBalancing.Subsets;

/// <summary>The subsets of a cluster's endpoints. Built off the workers; what did not change is taken over from the one before.</summary>
internal sealed class SubsetTable
{
    private readonly SubsetOptions _options;
    private readonly FrozenDictionary<string, SubsetPart> _parts;

    private SubsetTable(SubsetOptions options, FrozenDictionary<string, SubsetPart> parts)
    {
        _options = options;
        _parts = parts;
    }

    /// <summary>All endpoints; null where no policy asks for them.</summary>
    public SubsetPart? Any { get; private init; }

    /// <summary>The default subset; null where no policy asks for it.</summary>
    public SubsetPart? Default { get; private init; }

    /// <summary>Number of subsets.</summary>
    public int Count => _parts.Count;

    /// <summary>Divides endpoints.</summary>
    /// <param name="state">The cluster, which has subsets.</param>
    /// <param name="endpoints">All its endpoints.</param>
    /// <param name="previous">The table that this one replaces; null for none.</param>
    /// <param name="balancer">Makes the balancer of a subset.</param>
    public static SubsetTable Build(ClusterState state, ImmutableArray<Endpoint> endpoints, SubsetTable? previous, Func<Endpoint[], ILoadBalancer> balancer)
    {
        var options = state.Config.Balancing.Subsets!;
        var surroundings = state.Zones?.Local.Proxies;
        var (members, singles) = Divide(options, endpoints);
        var duplicates = 0;
        var parts = new Dictionary<string, SubsetPart>(StringComparer.Ordinal);
        foreach (var (key, hosts) in members)
        {
            var before = previous?._parts.GetValueOrDefault(key);
            if (singles.Contains(key))
            {
                duplicates += hosts.Count - 1;
                parts[key] = SubsetPart.Of([hosts.MinBy(static host => host.Config.Priority)!], before, null, static host => new SingleHost(host[0]));
            }
            else
            {
                parts[key] = SubsetPart.Of(Scaled(options, endpoints, [.. hosts]), before, surroundings, balancer);
            }
        }

        var created = parts.Keys.Count(key => previous?._parts.ContainsKey(key) != true);
        state.Subsets!.Count(created, (previous?.Count ?? 0) - (parts.Count - created), duplicates);
        var matching = endpoints.Where(endpoint => Matches(endpoint, options));
        return new SubsetTable(options, parts.ToFrozenDictionary(StringComparer.Ordinal))
        {
            Any = NeedsAny(options) ? SubsetPart.Of([.. endpoints], previous?.Any, surroundings, balancer) : null,
            Default = NeedsDefault(options) ? SubsetPart.Of(Scaled(options, endpoints, [.. matching]), previous?.Default, surroundings, balancer) : null,
        };
    }

    /// <summary>The balancer of the subset that has exactly these values; null where no endpoint is in it.</summary>
    public ILoadBalancer? Find(MetadataMatch match) => match.Labels.IsEmpty ? null : _parts.GetValueOrDefault(match.Text)?.Balancer;

    /// <summary>The first selector with exactly the keys of the match; null for none.</summary>
    public SubsetSelector? SelectorOf(MetadataMatch match) =>
        _options.Selectors.FirstOrDefault(selector => selector.Keys.SequenceEqual(match.Labels.Select(static label => label.Key), StringComparer.Ordinal));

    private static bool NeedsAny(SubsetOptions options) =>
        options.Fallback == SubsetFallback.AnyEndpoint || options.PanicModeAny || options.Selectors.Any(static selector => selector.Fallback == SubsetSelectorFallback.AnyEndpoint);

    private static bool NeedsDefault(SubsetOptions options) =>
        options.Fallback == SubsetFallback.DefaultSubset || options.Selectors.Any(static selector => selector.Fallback == SubsetSelectorFallback.DefaultSubset);

    private static (Dictionary<string, List<Endpoint>> Members, HashSet<string> Singles) Divide(SubsetOptions options, ImmutableArray<Endpoint> endpoints)
    {
        var members = new Dictionary<string, List<Endpoint>>(StringComparer.Ordinal);
        var singles = new HashSet<string>(StringComparer.Ordinal);
        foreach (var endpoint in endpoints)
        {
            foreach (var selector in options.Selectors)
            {
                foreach (var labels in LabelsOf(endpoint, selector, options.ListAsAny))
                {
                    var key = new MetadataMatch(labels).Text;
                    if (!members.TryGetValue(key, out var hosts))
                    {
                        members[key] = hosts = [];
                        if (selector.SingleHostPerSubset)
                        {
                            singles.Add(key);
                        }
                    }

                    // Once, though two selectors or a repeated element may name it twice.
                    if (hosts.Count == 0 || !ReferenceEquals(hosts[^1], endpoint))
                    {
                        hosts.Add(endpoint);
                    }
                }
            }
        }

        return (members, singles);
    }

    /// <summary>The combinations of an endpoint's values for the keys of a selector; none where it lacks one of them.</summary>
    private static List<ImmutableList<MetadataLabel>> LabelsOf(Endpoint endpoint, SubsetSelector selector, bool listAsAny)
    {
        List<ImmutableList<MetadataLabel>> all = [[]];
        foreach (var key in selector.Keys)
        {
            var values = endpoint.Config.Metadata?.ValuesOf(key, listAsAny) ?? [];
            all = [.. all.SelectMany(labels => values.Select(value => labels.Add(new MetadataLabel(key, value))))];
        }

        return all;
    }

    private static bool Matches(Endpoint endpoint, SubsetOptions options) =>
        options.DefaultSubset.Labels.All(label => endpoint.Config.Metadata?.ValuesOf(label.Key, options.ListAsAny).Contains(label.Value, StringComparer.Ordinal) == true);

    /// <summary>The endpoints with the weights of their localities as they hold in a subset.</summary>
    private static Endpoint[] Scaled(SubsetOptions options, ImmutableArray<Endpoint> all, Endpoint[] hosts)
    {
        if (!options.IsLocalityWeightAware || !options.ScalesLocalityWeight)
        {
            return hosts;
        }

        var whole = all.CountBy(static endpoint => (endpoint.Config.Priority, endpoint.Config.Locality)).ToDictionary();
        var part = hosts.CountBy(static endpoint => (endpoint.Config.Priority, endpoint.Config.Locality)).ToDictionary();
        return Array.ConvertAll(hosts, host =>
        {
            var place = (host.Config.Priority, host.Config.Locality);
            var weight = Math.Round((double)host.Config.LocalityWeight * part[place] / whole[place], MidpointRounding.AwayFromZero);
            return host with { Config = host.Config with { LocalityWeight = (uint)weight } };
        });
    }
}

using KubeProxyNet.Proxy.Listeners.FilterChains;
using KubeProxyNet.Proxy.Listeners.Inspection;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Proxy.Runtime.FilterChains;

namespace KubeProxyNet.Proxy.Listeners;

/// <summary>What an open listener keeps besides its settings, for one worker: its filter chains and how one is chosen.</summary>
internal sealed class ListenerState
{
    private readonly FilterChainTable _table;
    private readonly FilterChainState[] _chains;
    private readonly FilterChainState? _default;

    /// <summary>A state of settings whose matches were checked.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="table">Chooses among the filter chains.</param>
    /// <param name="chains">In the order of <see cref="ListenerConfig.AllFilterChains"/>.</param>
    /// <param name="places">Counts its connections, and keeps them within their limits.</param>
    /// <param name="stats">Where the listener counts.</param>
    /// <param name="inspection">Where its listener filters count.</param>
    public ListenerState(ListenerConfig config, FilterChainTable table, FilterChainState[] chains, ListenerPlaces places, ListenerStats stats, InspectionStats inspection)
    {
        Config = config;
        Places = places;
        Stats = stats;
        Inspection = inspection;
        _table = table;
        _chains = chains;
        _default = config.DefaultFilterChain is null ? null : chains[^1];
        var takesAll = config.FilterChains is [{ Match: var match }] ? match == FilterChainMatch.Any : config.FilterChains.IsEmpty;
        Sole = takesAll && config.ListenerFilters.IsEmpty && chains[0].Config.Tls is null ? chains[0] : null;
        FiltersTimeoutMs = (long)config.ListenerFiltersTimeout.TotalMilliseconds;
        GuardsAuthorities = chains.Length > 1 && chains.Any(static chain => chain.Config.Match.ServerNames.Count > 0);
        UsesDestination = config.FilterChains.Any(static chain =>
            chain.Match is not { DestinationPort: 0, DestinationRanges.Count: 0, SourceType: ConnectionSourceType.Any });
    }

    public ListenerConfig Config { get; }

    /// <summary>The places of its connections under all limits.</summary>
    public ListenerPlaces Places { get; }

    public ListenerStats Stats { get; }

    public InspectionStats Inspection { get; }

    /// <summary>What takes every connection at once; null where a filter chain must be chosen or something comes before it.</summary>
    public FilterChainState? Sole { get; }

    /// <summary>True where the choice asks which of our addresses the client connected to.</summary>
    public bool UsesDestination { get; }

    /// <summary>True where a name that a client may ask for by TLS decides between filter chains.</summary>
    public bool GuardsAuthorities { get; }

    /// <summary>Longest wait of the listener filters in milliseconds; 0 for none.</summary>
    public long FiltersTimeoutMs { get; }

    /// <summary>The filter chain of a connection; null for none.</summary>
    public FilterChainState? Choose(in ConnectionFacts facts) => _table.Find(facts) is >= 0 and var index ? _chains[index] : _default;
}

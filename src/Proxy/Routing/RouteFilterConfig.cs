namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// What a route, its virtual host, its route configuration or one of its weighted clusters says of an HTTP filter: an entry of Envoy's
/// <c>typed_per_filter_config</c>. Of several levels that name a filter, the most specific is the only one that counts, unless the filter completes it by the others.
/// </summary>
/// <param name="Filter">Name of the filter in the connection manager.</param>
/// <param name="Disabled">True where the filter passes requests by. False switches a filter on that is disabled in the connection manager.</param>
/// <param name="Settings">What the filter goes by instead of its own settings; null for those.</param>
public sealed record RouteFilterConfig(string Filter, bool Disabled, RouteFilterSettings? Settings)
{
    /// <summary>What several levels say of filters, each filter once.</summary>
    /// <param name="levels">The most specific first.</param>
    internal static RouteFilterConfig[] Flatten(IEnumerable<RouteFilterConfig> levels) =>
        [.. levels.GroupBy(static config => config.Filter, StringComparer.Ordinal).Select(static said => said.Aggregate(static (specific, other) =>
            specific.Settings is { } settings ? specific with { Settings = settings.Over(other.Settings) } : specific))];

    /// <summary>What is said of one filter; null for nothing.</summary>
    internal static RouteFilterConfig? Find(RouteFilterConfig[] configs, string filter)
    {
        foreach (var config in configs)
        {
            if (config.Filter == filter)
            {
                return config;
            }
        }

        return null;
    }
}

/// <summary>Settings of one kind of filter for a route; routing only carries them.</summary>
public abstract record RouteFilterSettings
{
    /// <summary>These settings where a less specific level has some as well; by default the most specific ones are the only ones that count.</summary>
    /// <param name="other">Those of the less specific level; null for none.</param>
    public virtual RouteFilterSettings Over(RouteFilterSettings? other) => this;
}

namespace KubeProxyNet.Proxy.Routing;

/// <summary>
/// What a route, its virtual host, its route configuration or one of its weighted clusters says of an HTTP filter: an entry of Envoy's
/// <c>typed_per_filter_config</c>. Of several levels that name a filter, the most specific is the only one that counts.
/// </summary>
/// <param name="Filter">Name of the filter in the connection manager.</param>
/// <param name="Disabled">True where the filter passes requests by. False switches a filter on that is disabled in the connection manager.</param>
/// <param name="Settings">What the filter goes by instead of its own settings; null for those.</param>
public sealed record RouteFilterConfig(string Filter, bool Disabled, RouteFilterSettings? Settings)
{
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
public abstract record RouteFilterSettings;

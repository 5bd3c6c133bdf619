using KubeProxyNet.Proxy.Overload;

namespace KubeProxyNet.Proxy.Listeners.FilterChains;

/// <summary>Counts the connections of a listener's filter chains against their limits, over updates. Changed only by the thread that applies configuration.</summary>
internal sealed class FilterChainLimits
{
    private readonly Dictionary<string, DownstreamConnectionLimit> _limits = new(StringComparer.Ordinal);

    /// <summary>The count of a chain, which is known by its name, or by its place where it has none.</summary>
    public DownstreamConnectionLimit Of(string name, int index)
    {
        var key = name.Length > 0 ? name : $"#{index}";
        if (!_limits.TryGetValue(key, out var limit))
        {
            _limits[key] = limit = new DownstreamConnectionLimit();
        }

        return limit;
    }
}

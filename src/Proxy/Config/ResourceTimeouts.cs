using Envoy.Config.Core.V3;

namespace KubeProxyNet.Proxy.Config;

/// <summary>How long discovery is waited for.</summary>
internal static class ResourceTimeouts
{
    private static readonly TimeSpan Default = TimeSpan.FromSeconds(15);

    // What timers can hold, about 24 days.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>A source's <c>initial_fetch_timeout</c>: 15 s by default; zero, as in Envoy, means to wait for as long as it takes, which is the infinite time span.</summary>
    public static TimeSpan InitialFetch(ConfigSource? source) => source?.InitialFetchTimeout?.ToTimeSpan() switch
    {
        null => Default,
        { Ticks: 0 } => Timeout.InfiniteTimeSpan,
        { } timeout => Bounded(timeout),
    };

    /// <summary>A duration that a timer can hold.</summary>
    public static TimeSpan Bounded(TimeSpan duration) => duration < Longest ? duration : Longest;
}

using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads how a cluster's names are resolved (Envoy's cluster.proto).</summary>
internal static class DnsSettingsTranslator
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    /// <summary>The settings; what is wrong with them goes to <paramref name="problems"/>.</summary>
    public static DnsSettings Translate(ClusterMessage message, TranslationProblems problems)
    {
        var settings = new DnsSettings();
        return settings with
        {
            Refresh = Refresh(message, settings.Refresh, problems),
            RespectTtl = message.RespectDnsTtl,
            Jitter = ResourceTimeouts.Bounded(message.DnsJitter?.ToTimeSpan() ?? TimeSpan.Zero),
            Failure = BackOff(message.DnsFailureRefreshRate, problems),
            Family = message.DnsLookupFamily,
            WaitForWarm = message.WaitForWarmOnInit ?? true,
            Resolver = DnsResolverTranslator.OfCluster(message, problems),
        };
    }

    private static TimeSpan Refresh(ClusterMessage message, TimeSpan byDefault, TranslationProblems problems)
    {
        var refresh = message.DnsRefreshRate?.ToTimeSpan() ?? byDefault;
        if (refresh < Shortest)
        {
            // Envoy's bound too.
            problems.Add(ConfigPath.Root.Field("dns_refresh_rate"), "is shorter than a millisecond", "write 1s or more");
        }

        return ResourceTimeouts.Bounded(refresh);
    }

    private static DnsBackOff? BackOff(ClusterMessage.Types.RefreshRate? rate, TranslationProblems problems)
    {
        if (rate?.BaseInterval is not { } written)
        {
            return null;
        }

        var path = ConfigPath.Root.Field("dns_failure_refresh_rate");
        var shortest = written.ToTimeSpan();
        if (shortest < Shortest)
        {
            problems.Add(path.Field("base_interval"), "is shorter than a millisecond", "write 1s or more");
        }

        var longest = rate.MaxInterval?.ToTimeSpan() ?? ResourceTimeouts.Bounded(shortest) * 10;
        if (longest < shortest)
        {
            problems.Add(path.Field("max_interval"), "is shorter than base_interval", "write base_interval or more, or leave it out for ten times that");
        }

        return new DnsBackOff(ResourceTimeouts.Bounded(shortest), ResourceTimeouts.Bounded(longest));
    }
}

using Envoy.Extensions.Clusters.Dns.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.Xds.Validation;
using ClusterMessage = Envoy.Config.Cluster.V3.Cluster;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Reads how a cluster's names are resolved: from a DnsCluster in <c>cluster_type</c>, or else from the cluster's own fields.</summary>
internal static class DnsSettingsTranslator
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private static readonly DnsSettings ByDefault = new();

    /// <summary>The settings; what is wrong with them goes to <paramref name="problems"/>.</summary>
    public static DnsSettings Translate(ClusterMessage message, TranslationProblems problems)
    {
        var settings = ClusterTypes.DnsOf(message) is { } dns ? Typed(dns, ConfigPath.Root.Field("cluster_type").Field("typed_config"), problems) : Untyped(message, problems);
        return settings with { WaitForWarm = message.WaitForWarmOnInit ?? true, Resolver = settings.Resolver ?? DnsResolverTranslator.OfCluster(message, problems) };
    }

    private static DnsSettings Typed(DnsCluster message, ConfigPath path, TranslationProblems problems) => new()
    {
        Refresh = Refresh(message.DnsRefreshRate, path, problems),
        RespectTtl = message.RespectDnsTtl,
        Jitter = Jitter(message.DnsJitter),
        Failure = BackOff(message.DnsFailureRefreshRate?.BaseInterval, message.DnsFailureRefreshRate?.MaxInterval, path, problems),
        Resolver = DnsResolverTranslator.Typed(message.TypedDnsResolverConfig, path, problems),

        // The same values one further on, after one for what is not said.
        Family = (DnsLookupFamily)Math.Max((int)message.DnsLookupFamily - 1, 0),
    };

    private static DnsSettings Untyped(ClusterMessage message, TranslationProblems problems) => new()
    {
        Refresh = Refresh(message.DnsRefreshRate, ConfigPath.Root, problems),
        RespectTtl = message.RespectDnsTtl,
        Jitter = Jitter(message.DnsJitter),
        Failure = BackOff(message.DnsFailureRefreshRate?.BaseInterval, message.DnsFailureRefreshRate?.MaxInterval, ConfigPath.Root, problems),
        Family = message.DnsLookupFamily,
    };

    private static TimeSpan Jitter(Duration? jitter) => ResourceTimeouts.Bounded(jitter?.ToTimeSpan() ?? TimeSpan.Zero);

    private static TimeSpan Refresh(Duration? written, ConfigPath path, TranslationProblems problems)
    {
        var refresh = written?.ToTimeSpan() ?? ByDefault.Refresh;
        if (refresh < Shortest)
        {
            // Envoy's bound too.
            problems.Add(path.Field("dns_refresh_rate"), "is shorter than a millisecond", "write 1s or more");
        }

        return ResourceTimeouts.Bounded(refresh);
    }

    private static DnsBackOff? BackOff(Duration? first, Duration? last, ConfigPath path, TranslationProblems problems)
    {
        if (first is null)
        {
            return null;
        }

        var place = path.Field("dns_failure_refresh_rate");
        var shortest = first.ToTimeSpan();
        if (shortest < Shortest)
        {
            problems.Add(place.Field("base_interval"), "is shorter than a millisecond", "write 1s or more");
        }

        var longest = last?.ToTimeSpan() ?? ResourceTimeouts.Bounded(shortest) * 10;
        if (longest < shortest)
        {
            problems.Add(place.Field("max_interval"), "is shorter than base_interval", "write base_interval or more, or leave it out for ten times that");
        }

        return new DnsBackOff(ResourceTimeouts.Bounded(shortest), ResourceTimeouts.Bounded(longest));
    }
}

using System.Collections.Immutable;
using Envoy.Extensions.Filters.Network.TcpProxy.V3;
using Envoy.Type.V3;
using KubeProxyNet.Proxy.Runtime.FilterChains;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the settings of a TCP proxy filter into what the engine runs.</summary>
internal static class TcpProxyTranslator
{
    /// <summary>The settings; not to be used where <paramref name="problems"/> were found.</summary>
    public static TcpProxyConfig Translate(TcpProxy message, TranslationProblems problems, ConfigPath path)
    {
        var defaults = new TcpProxyConfig { StatPrefix = message.StatPrefix, Clusters = ClustersOf(message, problems, path) };
        return defaults with
        {
            // Zero is no timeout.
            IdleTimeout = ResourceTimeouts.Bounded(message.IdleTimeout?.ToTimeSpan() ?? defaults.IdleTimeout),
            MaxConnectAttempts = (int)Math.Min(message.MaxConnectAttempts ?? 1u, int.MaxValue),
            MaxDownstreamConnectionDuration = ResourceTimeouts.Bounded(message.MaxDownstreamConnectionDuration?.ToTimeSpan() ?? TimeSpan.Zero),
            HashesSourceIp = HashesSourceIp(message, problems, path.Field("hash_policy")),
            AccessLogs = AccessLogTranslator.Translate(message.AccessLog, problems, path.Field("access_log")),
        };
    }

    private static bool HashesSourceIp(TcpProxy message, TranslationProblems problems, ConfigPath path)
    {
        if (message.HashPolicy.Count > 1)
        {
            problems.Add(path, $"there are {message.HashPolicy.Count} policies", "write at most one");
        }

        return message.HashPolicy.Any(static policy => policy.PolicySpecifierCase == HashPolicy.PolicySpecifierOneofCase.SourceIp);
    }

    private static ImmutableArray<TcpClusterConfig> ClustersOf(TcpProxy message, TranslationProblems problems, ConfigPath path)
    {
        if (message.ClusterSpecifierCase != TcpProxy.ClusterSpecifierOneofCase.WeightedClusters)
        {
            return [new TcpClusterConfig(message.Cluster, MetadataMatch: MetadataTranslator.Match(message.MetadataMatch))];
        }

        // As in Envoy, one weight of zero is refused with the schema, and the sum must fit a number of 32 bits.
        var clusters = message.WeightedClusters.Clusters;
        if (clusters.Sum(static cluster => (long)cluster.Weight) > uint.MaxValue)
        {
            problems.Add(path.Field("weighted_clusters"), $"the weights add up to more than {uint.MaxValue}", "write smaller weights");
        }

        return [.. clusters.Select(cluster => new TcpClusterConfig(cluster.Name, cluster.Weight, MetadataTranslator.Match(message.MetadataMatch, cluster.MetadataMatch)))];
    }
}

using System.Security.Cryptography;
using KubeProxyNet.Proxy.Observability.Stats;
using Microsoft.Extensions.Logging;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Keeps the endpoints of DNS clusters up to date, off the workers.</summary>
internal sealed partial class DnsResolution(ConfigurationState state, DnsResolvers resolvers, StatRegistry registry, TimeProvider time, ILogger logger)
{
    private readonly ResolvedEndpoints _resolved = new(state.SetResolvedEndpoints);

    /// <summary>Resolves a cluster's names now and again, until it is replaced.</summary>
    public void Follow(ClusterEntry cluster) => _ = Task.Run(() => FollowAsync(cluster));

    private async Task FollowAsync(ClusterEntry cluster)
    {
        try
        {
            var updates = new DnsClusterUpdates(
                cluster,
                resolvers.Of(cluster.Translated.Dns.Resolver),
                endpoints => _resolved.Add(cluster, endpoints),
                new DnsUpdateStats(registry, cluster.Translated.Config.StatName),
                Random,
                time)
            {
                Failed = (host, reason) => LogUnresolved(logger, host, cluster.Name, reason),
                Emptied = (host, reason) => LogEmpty(logger, host, cluster.Name, reason),
                Recovered = host => LogResolved(logger, host, cluster.Name),
            };
            await updates.RunAsync(cluster.Lifetime);
        }
        catch (OperationCanceledException)
        {
            // The cluster was replaced.
        }
    }

    /// <summary>Nobody must be able to tell when the next query goes out, and proxies that started together must not ask together.</summary>
    private static double Random() => RandomNumberGenerator.GetInt32(int.MaxValue) / (double)int.MaxValue;

    [LoggerMessage(Level = LogLevel.Warning, Message = "\"{Host}\" of cluster {Cluster} cannot be resolved: {Reason}; its last addresses, if any, stay in use")]
    private static partial void LogUnresolved(ILogger logger, string host, string cluster, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "\"{Host}\" of cluster {Cluster} cannot be resolved: {Reason}; it gives no endpoint")]
    private static partial void LogEmpty(ILogger logger, string host, string cluster, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "\"{Host}\" of cluster {Cluster} can be resolved again")]
    private static partial void LogResolved(ILogger logger, string host, string cluster);
}

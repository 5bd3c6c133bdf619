using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using KubeProxyNet.Proxy.Transport;
using KubeProxyNet.Proxy.Upstream;
using Microsoft.Extensions.Logging;
using DnsLookupFamily = Envoy.Config.Cluster.V3.Cluster.Types.DnsLookupFamily;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Keeps the endpoints of DNS clusters up to date, off the workers. A name that cannot be resolved keeps its last addresses;
/// a cluster that never resolved is warm without endpoints, as in Envoy. Addresses come from the system's resolver.
/// </summary>
internal sealed partial class DnsResolution(ConfigurationState state, TimeProvider time, ILogger logger)
{
    /// <summary>Resolves a cluster now and again each refresh interval, until it is replaced.</summary>
    public void Follow(ClusterEntry cluster) => _ = FollowAsync(cluster, cluster.Lifetime);

    private async Task FollowAsync(ClusterEntry cluster, CancellationToken cancellation)
    {
        var known = new Dictionary<DnsTarget, ImmutableArray<IPAddress>>();
        var failing = new HashSet<DnsTarget>();
        while (!cancellation.IsCancellationRequested)
        {
            foreach (var target in cluster.Translated.DnsTargets)
            {
                await ResolveAsync(cluster, target, known, failing, cancellation);
            }

            if (cancellation.IsCancellationRequested)
            {
                return;
            }

            state.SetResolvedEndpoints(cluster, Endpoints(cluster.Translated, known));
            try
            {
                await Task.Delay(cluster.Translated.Dns.Refresh, time, cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ResolveAsync(
        ClusterEntry cluster, DnsTarget target, Dictionary<DnsTarget, ImmutableArray<IPAddress>> known, HashSet<DnsTarget> failing, CancellationToken cancellation)
    {
        try
        {
            var addresses = Usable(await Dns.GetHostAddressesAsync(target.Host, cancellation), cluster.Translated.Dns.Family);
            if (addresses.IsEmpty)
            {
                throw new SocketException((int)SocketError.NoData);
            }

            known[target] = addresses;
            failing.Remove(target);
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            if (failing.Add(target))
            {
                LogUnresolved(logger, target.Host, cluster.Translated.Config.Name, error.Message);
            }
        }
        catch (OperationCanceledException)
        {
            // The cluster was replaced.
        }
    }

    /// <summary>The addresses that a cluster may use, always in the same order (cluster.proto, <c>DnsLookupFamily</c>).</summary>
    internal static ImmutableArray<IPAddress> Usable(IPAddress[] addresses, DnsLookupFamily family)
    {
        var inOrder = addresses.OrderBy(static address => address.ToString(), StringComparer.Ordinal).ToArray();
        ImmutableArray<IPAddress> v4 = [.. inOrder.Where(static address => address.AddressFamily == AddressFamily.InterNetwork)];
        ImmutableArray<IPAddress> v6 = [.. inOrder.Where(static address => address.AddressFamily == AddressFamily.InterNetworkV6)];
        return family switch
        {
            DnsLookupFamily.V4Only => v4,
            DnsLookupFamily.V6Only => v6,
            DnsLookupFamily.V4Preferred => v4.IsEmpty ? v6 : v4,
            DnsLookupFamily.All => [.. v4, .. v6],
            _ => v6.IsEmpty ? v4 : v6,
        };
    }

    private static ImmutableArray<EndpointConfig> Endpoints(TranslatedCluster cluster, Dictionary<DnsTarget, ImmutableArray<IPAddress>> known)
    {
        var all = cluster.DnsTargets.SelectMany(target => known.GetValueOrDefault(target, []).Select(address => new EndpointConfig
        {
            Address = new SocketEndpoint(address, target.Port),
            Hostname = target.Host,
            Weight = target.Weight,
            Priority = target.Priority,
            Locality = target.Locality,
            LocalityWeight = target.LocalityWeight,
        }));

        // A logical DNS cluster uses one address at a time (Envoy documentation, "Service discovery").
        return cluster.Source == EndpointSource.LogicalDns ? [.. all.Take(1)] : [.. all.DistinctBy(static endpoint => endpoint.Address)];
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "\"{Host}\" of cluster {Cluster} cannot be resolved: {Reason}; its last addresses, if any, stay in use")]
    private static partial void LogUnresolved(ILogger logger, string host, string cluster, string reason);
}

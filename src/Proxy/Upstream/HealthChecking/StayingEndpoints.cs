using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Upstream.HealthChecking;

/// <summary>
/// Endpoints that discovery no longer names and that stay all the same while they pass their checks, since discovery is eventually consistent and the check is
/// not (Envoy documentation, "On eventually consistent service discovery").
/// </summary>
internal static class StayingEndpoints
{
    /// <summary>Most endpoints of a cluster that stay so; of more, those that were dropped last.</summary>
    public const int Max = 4096;

    /// <summary>Those that stay, to be put behind those that discovery names.</summary>
    /// <param name="latest">The cluster as it was; null for none.</param>
    /// <param name="named">What discovery names now.</param>
    public static ImmutableArray<Endpoint> Of(Cluster? latest, ImmutableArray<Endpoint> named)
    {
        if (latest is not { Config.KeepsPassingHosts: true })
        {
            return [];
        }

        foreach (var endpoint in named)
        {
            endpoint.State.Health.Clear(HostHealthFlags.PendingDynamicRemoval);
        }

        var addresses = named.Select(static endpoint => endpoint.Config.Address).ToHashSet();
        Endpoint[] staying =
        [
            .. latest.Endpoints.Where(endpoint => !addresses.Contains(endpoint.Config.Address) && IsPassing(endpoint)).OrderBy(IsDropped).Take(Max),
        ];
        foreach (var endpoint in staying)
        {
            endpoint.State.Health.Set(HostHealthFlags.PendingDynamicRemoval);
        }

        return [.. staying];
    }

    /// <summary>True where one of the cluster's endpoints stayed only for its health and has failed.</summary>
    public static bool HaveToLeave(Cluster cluster) => cluster.Config.KeepsPassingHosts && cluster.Endpoints.Any(static endpoint => IsDropped(endpoint) && !IsPassing(endpoint));

    private static bool IsDropped(Endpoint endpoint) => endpoint.State.Health.Flags.HasFlag(HostHealthFlags.PendingDynamicRemoval);

    private static bool IsPassing(Endpoint endpoint) =>
        endpoint.State.HealthCheck is not null
        && !endpoint.State.Health.Flags.HasFlag(HostHealthFlags.FailedActiveHealthCheck)
        && endpoint.Config.Health is not (EndpointHealth.Unhealthy or EndpointHealth.Draining or EndpointHealth.Timeout);
}

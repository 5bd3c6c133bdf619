using KubeProxyNet.Proxy.Upstream.LoadBalancing.Zones;
using LegacyZones = Envoy.Config.Cluster.V3.Cluster.Types.CommonLbConfig.Types.ZoneAwareLbConfig;
using TypedZones = Envoy.Extensions.LoadBalancingPolicies.Common.V3.LocalityLbConfig.Types.ZoneAwareLbConfig;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns both forms of <c>zone_aware_lb_config</c> into what the engine runs.</summary>
internal static class ZoneAwareTranslator
{
    /// <summary>The older form; the defaults for null.</summary>
    public static ZoneAwareOptions Translate(LegacyZones? message) => message is null ? ZoneAwareOptions.Default : new ZoneAwareOptions
    {
        RoutingEnabled = Rounded(message.RoutingEnabled?.Value),
        MinClusterSize = message.MinClusterSize ?? ZoneAwareOptions.Default.MinClusterSize,
        FailTrafficOnPanic = message.FailTrafficOnPanic,
    };

    /// <summary>The form of typed policies; the defaults for null.</summary>
    public static ZoneAwareOptions Translate(TypedZones? message) => message is null ? ZoneAwareOptions.Default : new ZoneAwareOptions
    {
        RoutingEnabled = Rounded(message.RoutingEnabled?.Value),
        MinClusterSize = message.MinClusterSize ?? ZoneAwareOptions.Default.MinClusterSize,
        FailTrafficOnPanic = message.FailTrafficOnPanic,
        ForceLocalZone = message.ForceLocalZone is { } force ? force.MinSize ?? 1u : null,
        ByWeight = message.LocalityBasis == TypedZones.Types.LocalityBasis.HealthyHostsWeight,
    };

    private static int Rounded(double? percent) => (int)Math.Round(Math.Clamp(percent ?? 100.0, 0.0, 100.0), MidpointRounding.AwayFromZero);
}

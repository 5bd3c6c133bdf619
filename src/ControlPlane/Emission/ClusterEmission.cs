using Envoy.Config.Cluster.V3;
using Google.Protobuf.WellKnownTypes;
using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Backends of the model as <c>envoy.config.cluster.v3.Cluster</c>, whose endpoints come over ADS as a resource of their own.</summary>
internal static class ClusterEmission
{
    public static Cluster Emit(BackendKey key, BackendPolicy policy) => new()
    {
        Name = key.Name,
        Type = Cluster.Types.DiscoveryType.Eds,
        EdsClusterConfig = new Cluster.Types.EdsClusterConfig { EdsConfig = WellKnown.OverAds() },
        ConnectTimeout = Duration.FromTimeSpan(policy.ConnectTimeout),
        LbPolicy = policy.LoadBalancing switch
        {
            LoadBalancing.LeastRequest => Cluster.Types.LbPolicy.LeastRequest,
            _ => Cluster.Types.LbPolicy.RoundRobin,
        },
    };
}

using Envoy.Config.Core.V3;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Parts that several resource types have in common.</summary>
internal static class WellKnown
{
    /// <summary>"Ask on the aggregated stream on which this resource came."</summary>
    public static ConfigSource OverAds() => new() { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 };

    /// <summary>A TCP socket address.</summary>
    public static Address Socket(string address, int port) => new() { SocketAddress = new SocketAddress { Address = address, PortValue = (uint)port } };
}

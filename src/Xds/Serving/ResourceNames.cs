using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Listener.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Service.Runtime.V3;
using Google.Protobuf;

namespace KubeProxyNet.Xds.Serving;

/// <summary>The names by which resources are subscribed to.</summary>
public static class ResourceNames
{
    /// <summary>The name of a resource; empty where it has none set, null where the message is no resource.</summary>
    /// <param name="message">A message of any type.</param>
    public static string? NameOf(IMessage message) => message switch
    {
        Cluster cluster => cluster.Name,
        ClusterLoadAssignment assignment => assignment.ClusterName,
        Listener listener => listener.Name,
        RouteConfiguration routes => routes.Name,
        Runtime layer => layer.Name,
        Secret secret => secret.Name,
        _ => null,
    };
}

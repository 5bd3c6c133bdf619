using Envoy.Config.Endpoint.V3;
using KubeProxyNet.ControlPlane.Model;
using XdsEndpoint = Envoy.Config.Endpoint.V3.Endpoint;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>Endpoints of the model as <c>envoy.config.endpoint.v3.ClusterLoadAssignment</c>; one without endpoints makes the proxy answer 503.</summary>
internal static class EndpointEmission
{
    public static ClusterLoadAssignment Emit(BackendKey key, ValueList<Model.Endpoint> endpoints)
    {
        var message = new ClusterLoadAssignment { ClusterName = key.Name };
        if (endpoints.Count > 0)
        {
            var locality = new LocalityLbEndpoints();
            foreach (var endpoint in endpoints)
            {
                locality.LbEndpoints.Add(new LbEndpoint { Endpoint = new XdsEndpoint { Address = WellKnown.Socket(endpoint.Address, endpoint.Port) } });
            }

            message.Endpoints.Add(locality);
        }

        return message;
    }
}

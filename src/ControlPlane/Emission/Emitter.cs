using KubeProxyNet.ControlPlane.Model;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>
/// Turns the traffic model into resources. The result depends on the model alone; a part that equals the one of the call before gives the very
/// same resource, unserialised, so that one changed endpoint costs one changed resource. One thread at a time may use an instance.
/// </summary>
public sealed class Emitter
{
    private readonly ResourceCache<GatewayListener> _listeners = new(listener => listener.Name, ListenerEmission.Emit);
    private readonly ResourceCache<RouteTable> _routes = new(table => table.Name, RouteEmission.Emit);
    private readonly ResourceCache<(BackendKey Key, BackendPolicy Policy)> _clusters =
        new(cluster => cluster.Key.Name, cluster => ClusterEmission.Emit(cluster.Key, cluster.Policy));

    private readonly ResourceCache<(BackendKey Key, ValueList<Endpoint> Endpoints)> _endpoints =
        new(assignment => assignment.Key.Name, assignment => EndpointEmission.Emit(assignment.Key, assignment.Endpoints));

    /// <summary>Emits every part of a model.</summary>
    public ResourceSet Emit(TrafficModel model) => new(
        _listeners.Emit(model.Listeners),
        _routes.Emit(model.RouteTables),
        _clusters.Emit(model.Backends.Select(backend => (backend.Key, backend.Policy))),
        _endpoints.Emit(model.Backends.Select(backend => (backend.Key, backend.Endpoints))));
}

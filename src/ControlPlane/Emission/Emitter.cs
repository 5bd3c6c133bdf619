using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.Xds;
using KubeProxyNet.Xds.Serving;

namespace KubeProxyNet.ControlPlane.Emission;

/// <summary>
/// Turns the traffic model into a snapshot of resources. The snapshot depends on the model alone; a part that equals the one of the call before
/// keeps its resource, unserialised, so that one changed endpoint costs one changed resource. One thread at a time may use an instance.
/// </summary>
public sealed class Emitter
{
    private readonly ResourceCache<GatewayListener> _listeners = new(XdsTypeUrls.Listener, listener => listener.Name, ListenerEmission.Emit);
    private readonly ResourceCache<RouteTable> _routes = new(XdsTypeUrls.RouteConfiguration, table => table.Name, RouteEmission.Emit);
    private readonly ResourceCache<(BackendKey Key, BackendPolicy Policy)> _clusters =
        new(XdsTypeUrls.Cluster, cluster => cluster.Key.Name, cluster => ClusterEmission.Emit(cluster.Key, cluster.Policy));

    private readonly ResourceCache<(BackendKey Key, ValueList<Endpoint> Endpoints)> _endpoints = new(
        XdsTypeUrls.ClusterLoadAssignment, assignment => assignment.Key.Name, assignment => EndpointEmission.Emit(assignment.Key, assignment.Endpoints));

    private readonly ResourceCache<ServerCertificate> _certificates = new(XdsTypeUrls.Secret, certificate => certificate.Name, SecretEmission.Emit);

    private Snapshot _snapshot = Snapshot.Empty;

    /// <summary>Emits every part of a model.</summary>
    public Emitted Emit(TrafficModel model)
    {
        var changed = new List<XdsResource>();
        var removed = new List<XdsReference>();
        _certificates.Emit(model.Certificates, changed, removed);
        _listeners.Emit(model.Listeners, changed, removed);
        _routes.Emit(model.RouteTables, changed, removed);
        _clusters.Emit(model.Backends.Select(backend => (backend.Key, backend.Policy)), changed, removed);
        _endpoints.Emit(model.Backends.Select(backend => (backend.Key, backend.Endpoints)), changed, removed);
        if (changed.Count > 0 || removed.Count > 0)
        {
            _snapshot = _snapshot.With(changed, removed);
        }

        return new Emitted(_snapshot, changed, removed);
    }
}

/// <summary>What came of a model.</summary>
/// <param name="Snapshot">Every resource; the same reference as before when nothing changed.</param>
/// <param name="Changed">The resources that are new or different.</param>
/// <param name="Removed">The resources that are gone.</param>
public sealed record Emitted(Snapshot Snapshot, IReadOnlyList<XdsResource> Changed, IReadOnlyList<XdsReference> Removed)
{
    /// <summary>Names in the snapshot that lead nowhere; a snapshot with one must not be served, for a proxy would wait for what is missing.</summary>
    /// <returns>One line for each; empty when the snapshot is consistent.</returns>
    public IReadOnlyList<string> FindDanglingNames() =>
        // What names nothing and replaces or adds cannot leave a name dangling; this spares the look at everything when only endpoints changed.
        Removed.Count == 0 && Changed.All(resource => resource.References.Count == 0) ? [] : Snapshot.Validate();
}

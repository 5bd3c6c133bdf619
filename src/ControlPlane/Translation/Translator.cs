using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Turns objects into the traffic model. The result depends on the snapshot and the options alone; what is remembered between calls only saves work:
/// routes are translated again when a Service, Ingress or IngressClass changed, a backend's endpoints when its own Service or EndpointSlices did.
/// One thread at a time may use an instance.
/// </summary>
public sealed class Translator(TranslationOptions options)
{
    /// <summary>Name of the listener that takes plain HTTP.</summary>
    public const string HttpListenerName = "http";

    /// <summary>Name of the route table that Ingresses are translated into.</summary>
    public const string IngressRouteTableName = "ingress_http";

    private readonly BackendTranslation _backends = new();
    private ObjectSnapshot? _snapshot;
    private IngressRoutes? _routes;

    /// <summary>Translates every object of a snapshot.</summary>
    public TranslationResult Translate(ObjectSnapshot snapshot)
    {
        var routes = _routes is not null && SameRoutingObjects(_snapshot!, snapshot) ? _routes : IngressTranslation.Translate(snapshot);
        _routes = routes;
        _snapshot = snapshot;

        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        diagnostics.AddRange(routes.Diagnostics);
        var backends = _backends.Translate(snapshot, routes.Backends, diagnostics);
        ReportUnboundSlices(snapshot, diagnostics);

        var listener = new GatewayListener(HttpListenerName, options.HttpAddress, options.HttpPort, IngressRouteTableName, options.AccessLog);
        var model = new TrafficModel([listener], [routes.Table], backends);
        return new TranslationResult(model, diagnostics.ToImmutable());
    }

    private static bool SameRoutingObjects(ObjectSnapshot before, ObjectSnapshot now) =>
        ReferenceEquals(before.Services, now.Services)
        && ReferenceEquals(before.Ingresses, now.Ingresses)
        && ReferenceEquals(before.IngressClasses, now.IngressClasses);

    private static void ReportUnboundSlices(ObjectSnapshot snapshot, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        foreach (var slice in snapshot.UnboundSlices.Values.OrderBy(slice => slice.Name, ObjectName.Order))
        {
            diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Warning,
                DiagnosticReason.UnboundEndpointSlice,
                $"the label {EndpointSlice.ServiceNameLabel} is missing, so no Service has these endpoints",
                "set the label to the Service's name",
                slice.Metadata.Location,
                slice.Key,
                "metadata.labels"));
        }
    }
}

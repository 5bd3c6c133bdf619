using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Turns objects into the traffic model. The result depends on the snapshot, the options and the time alone; what is remembered between calls only saves work:
/// routes are translated again when a Service, Ingress, IngressClass or Secret changed, a backend's endpoints when its own Service or EndpointSlices did.
/// One thread at a time may use an instance.
/// </summary>
/// <param name="options">What it needs to know besides the objects.</param>
/// <param name="timeProvider">The clock that certificates must be valid by; null for the system's.</param>
public sealed class Translator(TranslationOptions options, TimeProvider? timeProvider = null)
{
    /// <summary>Name of the listener that takes plain HTTP.</summary>
    public const string HttpListenerName = "http";

    /// <summary>Name of the listener that takes HTTPS.</summary>
    public const string HttpsListenerName = "https";

    /// <summary>Name of the route table that Ingresses are translated into.</summary>
    public const string IngressRouteTableName = "ingress_http";

    /// <summary>Name of the route table of the hosts that are served over TLS.</summary>
    public const string IngressHttpsRouteTableName = "ingress_https";

    private readonly TimeProvider _timeProvider = timeProvider ?? TimeProvider.System;
    private readonly BackendTranslation _backends = new();
    private ObjectSnapshot? _snapshot;
    private IngressRoutes? _routes;

    /// <summary>Translates every object of a snapshot.</summary>
    public TranslationResult Translate(ObjectSnapshot snapshot)
    {
        var now = _timeProvider.GetUtcNow();
        var routes = _routes is not null && SameRoutingObjects(_snapshot!, snapshot) && !(now >= _routes.ValidUntil)
            ? _routes
            : IngressTranslation.Translate(snapshot, options, now);
        _routes = routes;
        _snapshot = snapshot;

        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        diagnostics.AddRange(routes.Diagnostics);
        var backends = _backends.Translate(snapshot, routes.Backends, diagnostics);
        ReportUnboundSlices(snapshot, diagnostics);

        var http = new GatewayListener(HttpListenerName, options.HttpAddress, options.HttpPort, IngressRouteTableName, options.AccessLog);
        var model = routes.Https is { } https
            ? new TrafficModel(
                [http, new GatewayListener(HttpsListenerName, options.HttpAddress, options.HttpsPort, IngressHttpsRouteTableName, options.AccessLog, https.Tls)],
                [routes.Http, https.Table],
                backends,
                routes.Certificates)
            : new TrafficModel([http], [routes.Http], backends, []);
        return new TranslationResult(model, diagnostics.ToImmutable(), routes.ValidUntil);
    }

    private static bool SameRoutingObjects(ObjectSnapshot before, ObjectSnapshot now) =>
        ReferenceEquals(before.Services, now.Services)
        && ReferenceEquals(before.Ingresses, now.Ingresses)
        && ReferenceEquals(before.IngressClasses, now.IngressClasses)
        && ReferenceEquals(before.Secrets, now.Secrets);

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

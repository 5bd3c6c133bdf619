using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Finds the Service port that an Ingress backend names. What cannot be found still becomes a backend, one without endpoints: its requests get 503,
/// nothing dangles, and the moment the Service appears the same name has endpoints.
/// </summary>
internal sealed class BackendResolver(ObjectSnapshot snapshot, ImmutableArray<Diagnostic>.Builder diagnostics)
{
    private readonly Dictionary<BackendKey, ResolvedBackend> _resolved = [];

    /// <summary>Every backend that was asked for, each once.</summary>
    public IEnumerable<ResolvedBackend> Backends => _resolved.Values;

    /// <summary>What happens to the requests of a path with this backend.</summary>
    public RouteAction Resolve(Ingress ingress, IngressBackend backend, string field)
    {
        if (backend.Service is not { } reference)
        {
            Report(DiagnosticReason.NotSupported, $"a resource backend ({backend.Resource}) is not supported, so its requests get 503", "name a service instead");
            return new Respond(503, "");
        }

        var name = new ObjectName(ingress.Metadata.Namespace, reference.Name);
        if (!snapshot.Services.TryGetValue(name, out var service))
        {
            Report(DiagnosticReason.ServiceNotFound, $"Service {name} does not exist, so its requests get 503", "add the Service or correct the name");
            return Use(new ResolvedBackend(Key(reference.Port.ToString()), null, null));
        }

        if (service.Spec.Type == ServiceType.ExternalName)
        {
            Report(DiagnosticReason.NotSupported, $"Service {name} is of type ExternalName, which is not supported here, so its requests get 503", "use a Service with EndpointSlices");
            return Use(new ResolvedBackend(Key(reference.Port.ToString()), service, null));
        }

        if (FindPort(service, reference.Port) is not { } port)
        {
            var offered = string.Join(", ", service.Spec.Ports.Select(Describe));
            Report(DiagnosticReason.PortNotFound, $"Service {name} has no port {reference.Port}, so its requests get 503", $"it has: {(offered.Length == 0 ? "none" : offered)}");
            return Use(new ResolvedBackend(Key(reference.Port.ToString()), service, null));
        }

        if (port.Protocol != "TCP")
        {
            Report(DiagnosticReason.NotSupported, $"port {reference.Port} of Service {name} is {port.Protocol}, so its requests get 503", "name a TCP port");
            return Use(new ResolvedBackend(Key($"{port.Port}"), service, null));
        }

        return Use(new ResolvedBackend(Key($"{port.Port}"), service, port));

        BackendKey Key(string portName) => new(name.Namespace, name.Name, portName);

        void Report(string reason, string message, string remedy) => diagnostics.Add(new Diagnostic(
            DiagnosticSeverity.Warning, reason, message, remedy, ingress.Metadata.Location with { Line = backend.Line }, ingress.Key, field));
    }

    private ForwardTo Use(ResolvedBackend backend)
    {
        _resolved.TryAdd(backend.Key, backend);
        return new ForwardTo(backend.Key);
    }

    private static ServicePort? FindPort(Service service, PortReference reference)
    {
        ServicePort? found = null;
        foreach (var port in service.Spec.Ports)
        {
            // The same number may be offered once for each protocol; HTTP is on the TCP one.
            if (reference.Name is null ? port.Port == reference.Number : port.Name == reference.Name)
            {
                found = found is null || port.Protocol == "TCP" ? port : found;
            }
        }

        return found;
    }

    private static string Describe(ServicePort port) => port.Name.Length == 0 ? $"{port.Port}" : $"{port.Port} ({port.Name})";
}

/// <summary>A backend and where its endpoints come from.</summary>
/// <param name="Key">Identity.</param>
/// <param name="Service">The Service; null when it does not exist.</param>
/// <param name="Port">The Service's port; null when nothing can serve the backend.</param>
internal sealed record ResolvedBackend(BackendKey Key, Service? Service, ServicePort? Port);

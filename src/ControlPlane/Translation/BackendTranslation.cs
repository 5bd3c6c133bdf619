using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Finds the endpoints of backends. A backend whose Service and EndpointSlices are the same references as last time is not translated again.
/// </summary>
internal sealed class BackendTranslation
{
    private Dictionary<BackendKey, Translated> _known = [];

    public ValueList<Backend> Translate(
        ObjectSnapshot snapshot,
        ImmutableArray<ResolvedBackend> backends,
        ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var now = new Dictionary<BackendKey, Translated>(backends.Length);
        var result = new Backend[backends.Length];
        for (var i = 0; i < backends.Length; i++)
        {
            var resolved = backends[i];
            var slices = resolved.Port is null ? [] : snapshot.SlicesByService.GetValueOrDefault(resolved.Service!.Name, []);
            if (!_known.TryGetValue(resolved.Key, out var translated) || translated.Source != resolved || translated.Slices != slices)
            {
                translated = TranslateOne(resolved, slices, translated?.Backend);
            }

            now.Add(resolved.Key, translated);
            result[i] = translated.Backend;
            diagnostics.AddRange(translated.Diagnostics);
        }

        _known = now;
        return new ValueList<Backend>(result);
    }

    private static Translated TranslateOne(ResolvedBackend resolved, ImmutableArray<EndpointSlice> slices, Backend? before)
    {
        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        var endpoints = resolved.Port is null ? default : EndpointSelection.Select(resolved.Service!, resolved.Port, slices, diagnostics);
        var backend = new Backend(resolved.Key, BackendPolicy.Default, endpoints);
        if (resolved.Port is { } port)
        {
            ReportPort(resolved, port, endpoints.Count, diagnostics);
        }

        // The old record serves as well when it is equal: whoever compares by reference then sees that nothing changed.
        return new Translated(resolved, slices, backend == before ? before : backend, diagnostics.ToImmutable());
    }

    private static void ReportPort(ResolvedBackend resolved, ServicePort port, int endpoints, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var service = resolved.Service!;
        if (endpoints == 0)
        {
            Add(DiagnosticReason.NoEndpoints, $"port {port.Port} has no endpoint that serves, so its requests get 503", "add an EndpointSlice with a ready endpoint and a port of the same name");
        }

        if (port.AppProtocol is { } protocol && !string.Equals(protocol, "http", StringComparison.OrdinalIgnoreCase))
        {
            Add(DiagnosticReason.NotSupported, $"port {port.Port} has appProtocol {protocol}, which is not supported; HTTP/1.1 is spoken to it", null);
        }

        void Add(string reason, string message, string? remedy) => diagnostics.Add(new Diagnostic(
            DiagnosticSeverity.Warning, reason, message, remedy, service.Metadata.Location, service.Key, "spec.ports"));
    }

    private sealed record Translated(
        ResolvedBackend Source,
        ImmutableArray<EndpointSlice> Slices,
        Backend Backend,
        ImmutableArray<Diagnostic> Diagnostics);
}

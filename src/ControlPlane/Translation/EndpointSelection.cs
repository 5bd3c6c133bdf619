using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Chooses the endpoints of a Service port from its EndpointSlices: those that are ready; where there is none, those that end but still serve, so that a
/// rolling update never leaves a gap (the EndpointSlices page of the Kubernetes documentation, "Conditions").
/// </summary>
internal static class EndpointSelection
{
    /// <summary>The endpoints, each once although slices may repeat one, ordered by address and port.</summary>
    public static ValueList<Endpoint> Select(
        Service service,
        ServicePort port,
        ImmutableArray<EndpointSlice> slices,
        ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        // A Service with two address families has every pod twice, once in each family's slices. The preferred family that has endpoints is taken;
        // a Service that does not name its families gets all.
        ReadOnlySpan<string?> families = service.Spec.IPFamilies.Count == 0 ? [null] : [.. service.Spec.IPFamilies];
        foreach (var family in families)
        {
            var ready = new HashSet<Endpoint>();
            var ending = new HashSet<Endpoint>();
            foreach (var slice in slices)
            {
                if (family is null || slice.AddressType.ToString() == family)
                {
                    Collect(slice, port, ready, ending);
                }
            }

            var chosen = ready.Count > 0 ? ready : ending;
            if (chosen.Count > 0)
            {
                return chosen.OrderBy(endpoint => endpoint.Address, StringComparer.Ordinal).ThenBy(endpoint => endpoint.Port).ToValueList();
            }
        }

        ReportNames(slices, diagnostics);
        return default;
    }

    private static void Collect(EndpointSlice slice, ServicePort port, HashSet<Endpoint> ready, HashSet<Endpoint> ending)
    {
        if (slice.AddressType == AddressType.FQDN || PortOf(slice, port) is not { } number)
        {
            return;
        }

        foreach (var endpoint in slice.Endpoints)
        {
            if (endpoint.Conditions.IsReady)
            {
                ready.Add(new Endpoint(endpoint.Addresses[0], number));
            }
            else if (endpoint.Conditions.IsServingWhileTerminating)
            {
                ending.Add(new Endpoint(endpoint.Addresses[0], number));
            }
        }
    }

    /// <summary>The port on the endpoints: a slice's port belongs to the Service port of the same name.</summary>
    private static int? PortOf(EndpointSlice slice, ServicePort port)
    {
        foreach (var candidate in slice.Ports)
        {
            if (candidate.Name == port.Name && candidate.Protocol == port.Protocol)
            {
                // A slice may leave the number open; the Service's own numbers then say it.
                return candidate.Port ?? (port.TargetPort is null ? port.Port : port.TargetPort.Number);
            }
        }

        return null;
    }

    private static void ReportNames(ImmutableArray<EndpointSlice> slices, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        foreach (var slice in slices)
        {
            if (slice.AddressType == AddressType.FQDN)
            {
                diagnostics.Add(new Diagnostic(
                    DiagnosticSeverity.Warning,
                    DiagnosticReason.NotSupported,
                    "addressType FQDN is not supported, so these endpoints are not used",
                    "use addressType IPv4 or IPv6",
                    slice.Metadata.Location,
                    slice.Key,
                    "addressType"));
            }
        }
    }
}

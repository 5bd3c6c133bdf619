using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Finds the backend of the requests that no rule matches. On the hosts of an Ingress its own <c>spec.defaultBackend</c> takes them; everywhere else
/// that of the oldest Ingress which has one.
/// </summary>
internal sealed class DefaultBackend(ImmutableArray<Diagnostic>.Builder diagnostics)
{
    private Ingress? _owner;

    /// <summary>The rule for every host without one of its own; null when no Ingress has a default backend.</summary>
    public RouteRule? Rule { get; private set; }

    /// <summary>Takes the Ingress' default backend; Ingresses come oldest first.</summary>
    /// <returns>The rule for this Ingress' own hosts; null when it has no default backend.</returns>
    public RouteRule? Offer(Ingress ingress, BackendResolver resolver)
    {
        if (ingress.Spec.DefaultBackend is not { } backend)
        {
            return null;
        }

        const string Field = "spec.defaultBackend";
        var rule = new RouteRule(ingress.Name.ToString(), PathMatch.All, resolver.Resolve(ingress, backend, Field), RoutePolicy.Default);
        if (_owner is null)
        {
            _owner = ingress;
            Rule = rule;
            return rule;
        }

        diagnostics.Add(new Diagnostic(
            DiagnosticSeverity.Warning,
            DiagnosticReason.DefaultBackendConflict,
            $"the default backend of hosts that no Ingress names already belongs to {_owner.Key} ({_owner.Metadata.Location}), which is older or, at the same age, "
                + "goes first by name; this one serves only the hosts of its own rules",
            "keep one Ingress with a default backend",
            ingress.Metadata.Location with { Line = backend.Line },
            ingress.Key,
            Field));
        return rule;
    }
}

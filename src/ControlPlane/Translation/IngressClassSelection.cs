using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>
/// Decides which Ingresses belong to this controller, as the Ingress documentation says under "Ingress class": the old annotation goes before the field,
/// a class belongs to the controller that it names, and an Ingress without a class belongs to the default class. Where there is no IngressClass object
/// at all, as in a small folder of manifests, an Ingress without a class is taken too.
/// </summary>
internal sealed class IngressClassSelection
{
    private readonly ImmutableDictionary<ObjectName, IngressClass> _classes;
    private readonly bool _takesClassless;

    public IngressClassSelection(ObjectSnapshot snapshot, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        _classes = snapshot.IngressClasses;
        var defaults = _classes.Values.Where(ingressClass => ingressClass.IsDefault).OrderBy(ingressClass => ingressClass.Name, ObjectName.Order).ToList();
        _takesClassless = _classes.IsEmpty || defaults.Exists(IsOurs);
        if (defaults.Count > 1)
        {
            var names = string.Join(", ", defaults.Select(ingressClass => ingressClass.Metadata.Name));
            diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Warning,
                DiagnosticReason.SeveralDefaultClasses,
                $"{defaults.Count} IngressClasses are the default: {names}",
                $"keep the annotation {IngressClass.DefaultAnnotation} on one of them",
                defaults[1].Metadata.Location,
                defaults[1].Key,
                "metadata.annotations"));
        }
    }

    /// <summary>True when the Ingress belongs to this controller.</summary>
    public bool Takes(Ingress ingress, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (ingress.Metadata.Annotation(Ingress.ClassAnnotation) is { } legacy)
        {
            return legacy == TranslationOptions.LegacyClassName
                || TakesClass(ingress, legacy, "metadata.annotations[" + Ingress.ClassAnnotation + "]", diagnostics);
        }

        if (ingress.Spec.IngressClassName is { } name)
        {
            return TakesClass(ingress, name, "spec.ingressClassName", diagnostics);
        }

        if (!_takesClassless)
        {
            diagnostics.Add(NotOurs(ingress, "it names no class, and no default IngressClass is of this controller", field: null));
        }

        return _takesClassless;
    }

    private bool TakesClass(Ingress ingress, string name, string field, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (!_classes.TryGetValue(new ObjectName("", name), out var ingressClass))
        {
            diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Warning,
                DiagnosticReason.IngressClassNotFound,
                $"IngressClass {name} does not exist, so no controller serves this Ingress",
                $"add an IngressClass {name} with spec.controller: {TranslationOptions.ControllerName}, or leave the class out",
                ingress.Metadata.Location,
                ingress.Key,
                field));
            return false;
        }

        if (IsOurs(ingressClass))
        {
            return true;
        }

        diagnostics.Add(NotOurs(ingress, $"IngressClass {name} belongs to the controller {ingressClass.Controller}", field));
        return false;
    }

    private static bool IsOurs(IngressClass ingressClass) => ingressClass.Controller == TranslationOptions.ControllerName;

    private static Diagnostic NotOurs(Ingress ingress, string message, string? field) =>
        new(DiagnosticSeverity.Note, DiagnosticReason.NotOurClass, message, null, ingress.Metadata.Location, ingress.Key, field);
}

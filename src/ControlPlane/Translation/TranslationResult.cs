using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Model;
using KubeProxyNet.ControlPlane.Sources;

namespace KubeProxyNet.ControlPlane.Translation;

/// <summary>What a translation says.</summary>
/// <param name="Model">What the proxies shall do.</param>
/// <param name="Diagnostics">What the owners of the objects should know: who lost a conflict, what is missing. In a stable order.</param>
/// <param name="ValidUntil">When the same objects give another result, since a certificate begins or ceases to be valid; null for never.</param>
public sealed record TranslationResult(TrafficModel Model, ImmutableArray<Diagnostic> Diagnostics, DateTimeOffset? ValidUntil);

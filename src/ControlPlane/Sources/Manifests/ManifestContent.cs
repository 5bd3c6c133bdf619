using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources.Kubernetes;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>What a manifest file says.</summary>
/// <param name="Objects">The objects that are good, each once.</param>
/// <param name="Refused">The objects that are there but wrong.</param>
/// <param name="IsComplete">False when a part of the file could not be read far enough to say which objects are in it.</param>
/// <param name="Diagnostics">What is wrong, in the order of the file.</param>
internal sealed record ManifestContent(
    ImmutableArray<KubernetesObject> Objects,
    ImmutableHashSet<ObjectKey> Refused,
    bool IsComplete,
    ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>A file that says nothing.</summary>
    public static ManifestContent Empty { get; } = new([], [], true, []);
}

using System.Collections.Immutable;
using KubeProxyNet.ControlPlane.Sources;
using KubeProxyNet.ControlPlane.Sources.Manifests;
using KubeProxyNet.ControlPlane.Translation;

namespace KubeProxyNet.ControlPlane.Serving;

/// <summary>Says what is wrong with manifests without serving them.</summary>
public static class ManifestValidation
{
    /// <summary>
    /// Reads and translates a manifest file, or every manifest directly in a folder, exactly as the control plane does.
    /// </summary>
    /// <param name="path">A file or a folder. One that cannot be read is an error in the result, not an exception.</param>
    /// <returns>
    /// Every diagnostic: first those of the files, by file and line, then those of the objects taken together. The input is good when none has the
    /// severity <see cref="DiagnosticSeverity.Error"/>.
    /// </returns>
    public static ImmutableArray<Diagnostic> Validate(string path)
    {
        var (objects, diagnostics) = ManifestLoading.Load(path, TimeProvider.System);
        return [.. diagnostics, .. new Translator(new TranslationOptions()).Translate(objects.Current).Diagnostics];
    }
}

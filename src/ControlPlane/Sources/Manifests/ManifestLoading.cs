using System.Collections.Immutable;

namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Reads manifests once, without a watch.</summary>
internal static class ManifestLoading
{
    /// <summary>Reads a file, or every manifest of a folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="timeProvider">The clock of the store that is returned.</param>
    public static (ObjectStore Objects, ImmutableArray<Diagnostic> Diagnostics) Load(string path, TimeProvider timeProvider)
    {
        var objects = new ObjectStore(timeProvider);
        var manifests = new ManifestSet();
        List<string> files;
        try
        {
            files = Directory.Exists(path) ? ManifestFiles.List(path) : [path];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return (objects, [new Diagnostic(DiagnosticSeverity.Error, DiagnosticReason.UnreadableFile, fault.Message, null, new SourceLocation(path, 0))]);
        }

        objects.Apply(manifests.Apply(files.Select(file => new KeyValuePair<string, ManifestContent?>(file, ManifestReader.Read(file)))));
        return (objects, manifests.Diagnostics);
    }
}

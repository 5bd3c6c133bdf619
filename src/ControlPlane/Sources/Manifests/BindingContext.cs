namespace KubeProxyNet.ControlPlane.Sources.Manifests;

/// <summary>Where the diagnostics of one object go while its document is read.</summary>
/// <param name="file">The file, as it was given to the source.</param>
/// <param name="diagnostics">Gets every diagnostic.</param>
internal sealed class BindingContext(string file, ICollection<Diagnostic> diagnostics)
{
    public string File => file;

    /// <summary>The object, as soon as it is known.</summary>
    public ObjectKey? Object { get; set; }

    /// <summary>True when the object must not be used.</summary>
    public bool HasErrors { get; private set; }

    /// <summary>True when the values of the fields must not stand in diagnostics.</summary>
    public bool IsConfidential { get; set; }

    public void Error(string reason, int line, int column, string? field, string message, string? remedy)
    {
        HasErrors = true;
        diagnostics.Add(new Diagnostic(DiagnosticSeverity.Error, reason, message, remedy, new SourceLocation(file, line, column), Object, field));
    }

    public void Warning(string reason, int line, int column, string? field, string message, string? remedy) =>
        diagnostics.Add(new Diagnostic(DiagnosticSeverity.Warning, reason, message, remedy, new SourceLocation(file, line, column), Object, field));
}

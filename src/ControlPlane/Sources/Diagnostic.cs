using System.Text;

namespace KubeProxyNet.ControlPlane.Sources;

/// <summary>How much a <see cref="Diagnostic"/> matters.</summary>
public enum DiagnosticSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>Taken, but probably not what was meant.</summary>
    Warning,

    /// <summary>Refused; the last good version, if there is one, stays in force.</summary>
    Error,
}

/// <summary>A place in a manifest.</summary>
/// <param name="File">Path of the file as it was given to the source.</param>
/// <param name="Line">Line, from 1; 0 when the whole file is meant.</param>
/// <param name="Column">Column, from 1; 0 when the whole line is meant.</param>
public sealed record SourceLocation(string File, int Line, int Column = 0)
{
    /// <summary>The place as compilers write it: <c>file:line:column</c>.</summary>
    public override string ToString() => Line == 0 ? File : Column == 0 ? $"{File}:{Line}" : $"{File}:{Line}:{Column}";
}

/// <summary>One thing that the user should know about an object or a file.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Reason">One of <see cref="DiagnosticReason"/>: what it is, in one word that programs can compare.</param>
/// <param name="Message">What is the case, for people.</param>
/// <param name="Remedy">What to do about it; null when that is plain from the message.</param>
/// <param name="Location">Where; null when no file is concerned.</param>
/// <param name="Object">The object; null when the file did not get that far.</param>
/// <param name="Field">The field's path inside the object, such as <c>spec.rules[0].host</c>; null for the object as a whole.</param>
public sealed record Diagnostic(
    DiagnosticSeverity Severity,
    string Reason,
    string Message,
    string? Remedy = null,
    SourceLocation? Location = null,
    ObjectKey? Object = null,
    string? Field = null)
{
    /// <summary>One line: place, severity, object, field, message and remedy.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (Location is not null)
        {
            text.Append(Location).Append(": ");
        }

        text.Append(Severity switch { DiagnosticSeverity.Error => "error", DiagnosticSeverity.Warning => "warning", _ => "note" }).Append(": ");
        if (Object is { } key)
        {
            text.Append(key).Append(": ");
        }

        if (Field is not null)
        {
            text.Append(Field).Append(": ");
        }

        text.Append(Message);
        if (Remedy is not null)
        {
            text.Append("; ").Append(Remedy);
        }

        return text.ToString();
    }
}

namespace KubeProxyNet.Xds.Loading;

/// <summary>A fault in a configuration file.</summary>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">From 1; 0 where the fault is of the whole file.</param>
/// <param name="Column">From 1, in characters; 0 where the fault is of the whole file.</param>
/// <param name="Path">Where it is in the message, such as <c>static_resources.clusters[0].name</c>; empty for the root.</param>
/// <param name="Message">What is wrong, without file and path.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record ConfigError(string File, int Line, int Column, string Path, string Message, string Remedy)
{
    /// <summary>The fault in one line: <c>FILE:LINE: PATH: MESSAGE; REMEDY</c>. Parts that are unknown are left out.</summary>
    public override string ToString()
    {
        var place = Line > 0 ? $"{File}:{Line}: " : $"{File}: ";
        var path = Path.Length > 0 ? Path + ": " : string.Empty;
        return $"{place}{path}{Message}; {Remedy}";
    }
}

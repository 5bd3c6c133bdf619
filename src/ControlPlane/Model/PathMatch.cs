namespace KubeProxyNet.ControlPlane.Model;

/// <summary>How a <see cref="PathMatch"/> compares.</summary>
public enum PathMatchKind
{
    /// <summary>The whole path is equal, byte by byte.</summary>
    Exact,

    /// <summary>The path's first elements are equal: <c>/a/b</c> matches <c>/a/b</c>, <c>/a/b/</c> and <c>/a/b/c</c>, but not <c>/a/bc</c>.</summary>
    PrefixByElement,
}

/// <summary>A set of request paths, the query aside.</summary>
/// <param name="Kind">How <paramref name="Value"/> is compared.</param>
/// <param name="Value">Begins with a slash. A prefix has no slash at its end, but for <c>/</c> itself, which matches every path.</param>
public sealed record PathMatch(PathMatchKind Kind, string Value)
{
    /// <summary>Every path.</summary>
    public static PathMatch All { get; } = new(PathMatchKind.PrefixByElement, "/");

    /// <summary>Only the path itself; a slash at the end counts.</summary>
    public static PathMatch Exact(string path) => new(PathMatchKind.Exact, path);

    /// <summary>The path and everything below it; slashes at its end are dropped.</summary>
    public static PathMatch Prefix(string path)
    {
        var trimmed = path.TrimEnd('/');
        return trimmed.Length == 0 ? All : new PathMatch(PathMatchKind.PrefixByElement, trimmed);
    }

    /// <summary>For messages: the kind and the path.</summary>
    public override string ToString() => $"{(Kind == PathMatchKind.Exact ? "exact" : "prefix")} path {Value}";
}

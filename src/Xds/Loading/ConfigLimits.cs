namespace KubeProxyNet.Xds.Loading;

/// <summary>Bounds on what a configuration file may hold; a file beyond one of them is refused, never cut.</summary>
public sealed record ConfigLimits
{
    /// <summary>The defaults.</summary>
    public static ConfigLimits Default { get; } = new();

    /// <summary>Size of a file in bytes; 16 MiB by default.</summary>
    public int MaxBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Nesting of mappings and lists; 64 by default.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>Scalars, lists and mappings in a document; 2,000,000 by default.</summary>
    public int MaxNodes { get; init; } = 2_000_000;

    /// <summary>Nodes that the aliases of a document stand for, counted each time; 50,000 by default.</summary>
    public int MaxAliasNodes { get; init; } = 50_000;

    /// <summary>Errors that are reported of one file; 500 by default. A last one says that there are more.</summary>
    public int MaxErrors { get; init; } = 500;
}

namespace KubeProxyNet.Xds.Loading;

/// <summary>What came of loading a file.</summary>
/// <typeparam name="T">The message.</typeparam>
/// <param name="Value">The message; null where there is any error.</param>
/// <param name="Errors">Every error, by line; empty where there is a value.</param>
public sealed record LoadResult<T>(T? Value, IReadOnlyList<ConfigError> Errors)
    where T : class
{
    /// <summary>Where everything stands in the file; null where there is no value.</summary>
    public ConfigPlaces? Places { get; init; }

    /// <summary>Whether there is a value.</summary>
    public bool Succeeded => Value is not null;
}

namespace KubeProxyNet.Proxy.Runtime.HttpFilters;

/// <summary>One HTTP filter of a connection manager, before the router, which is always the last.</summary>
/// <param name="Name">Its name, by which routes speak of it.</param>
public abstract record HttpFilterConfig(string Name)
{
    /// <summary>True where it acts only for routes that name it.</summary>
    public bool Disabled { get; init; }
}

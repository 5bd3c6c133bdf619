using Envoy.Config.Bootstrap.V3;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Loads the file that a proxy starts from: an Envoy v3 bootstrap.</summary>
public static class BootstrapLoader
{
    /// <summary>Loads a bootstrap with every check of <see cref="ConfigLoader"/>.</summary>
    /// <param name="file">Path of the file; JSON where it ends in <c>.json</c>, YAML everywhere else.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static LoadResult<Bootstrap> Load(string file, ConfigLimits? limits = null) => ConfigLoader.Load<Bootstrap>(file, limits);
}

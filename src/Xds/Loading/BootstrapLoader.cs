using System.Globalization;
using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Listener.V3;

namespace KubeProxyNet.Xds.Loading;

/// <summary>Loads the file that a proxy starts from: an Envoy v3 bootstrap.</summary>
public static class BootstrapLoader
{
    /// <summary>Loads a bootstrap with every check of <see cref="ConfigLoader"/>.</summary>
    /// <param name="file">Path of the file; JSON where it ends in <c>.json</c>, YAML everywhere else.</param>
    /// <param name="limits">Null for <see cref="ConfigLimits.Default"/>.</param>
    public static LoadResult<Bootstrap> Load(string file, ConfigLimits? limits = null)
    {
        var loaded = ConfigLoader.Load<Bootstrap>(file, limits);
        if (loaded.Value?.StaticResources is { } resources)
        {
            NameListeners(resources.Listeners);
        }

        return loaded;
    }

    /// <summary>Listeners need no name in Envoy, which then makes one up; here it is the address, so that it stays the same.</summary>
    private static void NameListeners(IReadOnlyCollection<Listener> listeners)
    {
        var names = listeners.Select(static listener => listener.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var listener in listeners.Where(static listener => listener.Name.Length == 0))
        {
            var address = listener.Address?.SocketAddress;
            var name = listener.Address?.Pipe?.Path ?? string.Create(CultureInfo.InvariantCulture, $"{address?.Address}_{address?.PortValue}");
            for (var i = 2; !names.Add(listener.Name = i == 2 ? name : $"{name}_{i - 1}"); i++)
            {
            }
        }
    }
}

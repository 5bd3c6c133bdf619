using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Overload;

/// <summary>Limits on connections out of the runtime, in the form that <see cref="DownstreamConnectionLimit"/> has them.</summary>
internal static class ConnectionLimits
{
    /// <summary>Key of the limit on the connections of all listeners.</summary>
    public const string GlobalKey = "overload.global_downstream_max_connections";

    /// <summary>The limit; null where the runtime has none. There 0 is a limit that lets nothing in.</summary>
    public static long? Of(RuntimeValues values, string key) => values.NumberOf(key) switch
    {
        null => null,
        < 1 => -1,
        var limit => (long)limit.Value,
    };
}

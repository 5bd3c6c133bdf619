using SourceConnectionLimit = KubeProxyNet.Proxy.Overload.SourceConnectionLimit;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns limits on the connections of a source, which the checks of the schema have seen, into what the engine runs.</summary>
internal static class SourceConnectionLimitTranslator
{
    /// <summary>The limit; what is left out is the default.</summary>
    public static SourceConnectionLimit Translate(uint? connections, uint? ipv4PrefixLength, uint? ipv6PrefixLength) =>
        new((int)Math.Clamp(connections ?? 1, 1, int.MaxValue), (int)(ipv4PrefixLength ?? 32), (int)(ipv6PrefixLength ?? 64));
}

using System.Collections.Frozen;
using KubeProxyNet.Proxy.RuntimeLayers;

namespace KubeProxyNet.Proxy.Tests.RuntimeLayers;

/// <summary>Values of the runtime as operators write them.</summary>
internal static class RuntimeLayerOf
{
    public static RuntimeValues Values(params (string Key, string Text)[] values) =>
        new([new RuntimeLayer("admin", values.ToFrozenDictionary(static value => value.Key, static value => RuntimeValue.OfText(value.Text), StringComparer.Ordinal))]);
}

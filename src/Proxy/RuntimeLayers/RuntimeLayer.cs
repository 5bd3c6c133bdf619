using System.Collections.Frozen;

namespace KubeProxyNet.Proxy.RuntimeLayers;

/// <summary>One layer of Envoy's runtime. Immutable.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="Values">Its values by key.</param>
public sealed record RuntimeLayer(string Name, FrozenDictionary<string, RuntimeValue> Values)
{
    /// <summary>A layer without values.</summary>
    public static RuntimeLayer Empty(string name) => new(name, FrozenDictionary<string, RuntimeValue>.Empty);
}

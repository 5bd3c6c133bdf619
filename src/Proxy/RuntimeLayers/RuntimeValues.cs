using System.Collections.Frozen;
using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.RuntimeLayers;

/// <summary>
/// Envoy's runtime as of one moment: settings that operators change without new configuration. Of the layers that have a key, the last one counts.
/// Immutable. Source: Envoy documentation, "Runtime configuration".
/// </summary>
public sealed class RuntimeValues
{
    private readonly FrozenDictionary<string, RuntimeValue> _values;

    /// <summary>Merges layers.</summary>
    /// <param name="layers">From the one that counts least to the one that counts most.</param>
    public RuntimeValues(ImmutableArray<RuntimeLayer> layers)
    {
        Layers = layers;
        var values = new Dictionary<string, RuntimeValue>(StringComparer.Ordinal);
        foreach (var (key, value) in layers.SelectMany(static layer => layer.Values))
        {
            values[key] = value;
        }

        _values = values.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>No layers.</summary>
    public static RuntimeValues Empty { get; } = new([]);

    /// <summary>The layers, from the one that counts least to the one that counts most.</summary>
    public ImmutableArray<RuntimeLayer> Layers { get; }

    /// <summary>The values in force.</summary>
    public IReadOnlyDictionary<string, RuntimeValue> Final => _values;

    /// <summary>Whether a request is among a share of all.</summary>
    /// <param name="key">Key of the value; empty for none.</param>
    /// <param name="otherwise">The share where there is no such value.</param>
    /// <param name="random">A number drawn for the request.</param>
    public bool IsEnabled(string key, RuntimeShare otherwise, ulong random)
    {
        var share = ShareOf(key, otherwise);
        return random % share.Denominator < share.Numerator;
    }

    /// <summary>The share in force: a fraction as it stands, a whole number as a percentage.</summary>
    /// <param name="key">Key of the value; empty for none.</param>
    /// <param name="otherwise">The share where there is no such value, or it is neither.</param>
    public RuntimeShare ShareOf(string key, RuntimeShare otherwise)
    {
        if (key.Length == 0 || !_values.TryGetValue(key, out var value))
        {
            return otherwise;
        }

        return value.Share ?? (value.Integer is { } percent ? new RuntimeShare((uint)Math.Min(percent, 100), 100) : otherwise);
    }

    /// <summary>A number.</summary>
    /// <param name="key">Key of the value.</param>
    /// <returns>Null where there is no such value, or it is no number.</returns>
    public double? NumberOf(string key) => _values.TryGetValue(key, out var value) ? value.Number : null;

    /// <summary>Whether any key begins like this.</summary>
    public bool HasAny(ReadOnlySpan<string> prefixes)
    {
        foreach (var key in _values.Keys)
        {
            foreach (var prefix in prefixes)
            {
                if (key.StartsWith(prefix, StringComparison.Ordinal))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>A whole number.</summary>
    /// <param name="key">Key of the value; empty for none.</param>
    /// <param name="otherwise">The number where there is no such value.</param>
    public ulong IntegerOf(string key, ulong otherwise) => key.Length > 0 && _values.TryGetValue(key, out var value) && value.Integer is { } number ? number : otherwise;
}

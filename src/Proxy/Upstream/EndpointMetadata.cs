using System.Collections.Frozen;

namespace KubeProxyNet.Proxy.Upstream;

/// <summary>What discovery says of an endpoint under <c>envoy.lb</c>, as canonical JSON values. Immutable; equal where the values are.</summary>
public sealed class EndpointMetadata : IEquatable<EndpointMetadata>
{
    private readonly FrozenDictionary<string, string[]> _values;
    private readonly FrozenSet<string> _lists;
    private readonly string _text;

    /// <summary>Metadata of at least one value.</summary>
    /// <param name="values">By name: the value, or the elements where it is a list.</param>
    /// <param name="lists">The names whose value is a list; null for none.</param>
    public EndpointMetadata(IReadOnlyDictionary<string, string[]> values, IEnumerable<string>? lists = null)
    {
        _values = values.ToFrozenDictionary(StringComparer.Ordinal);
        _lists = (lists ?? []).ToFrozenSet(StringComparer.Ordinal);
        _text = string.Join('\n', values.Keys.Order(StringComparer.Ordinal).Select(key => $"{key}={string.Join('\t', ValuesOf(key, listAsAny: false))}"));
    }

    /// <summary>True where <c>canary</c> is true.</summary>
    public bool IsCanary => Has("canary", "true");

    /// <summary>True where the value, or an element of it, is this one.</summary>
    public bool Has(string key, string value) => _values.TryGetValue(key, out var values) && Array.IndexOf(values, value) >= 0;

    /// <summary>The value; where it is a list, its elements or the list as one value. Empty where there is none.</summary>
    public string[] ValuesOf(string key, bool listAsAny) =>
        !_values.TryGetValue(key, out var values) ? [] : _lists.Contains(key) && !listAsAny ? [$"[{string.Join(',', values)}]"] : values;

    /// <inheritdoc/>
    public bool Equals(EndpointMetadata? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EndpointMetadata);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_text);
}

using System.Collections.Immutable;

namespace KubeProxyNet.Proxy.Metadata;

/// <summary>A value that metadata is matched with.</summary>
/// <param name="Key">Its name under <c>envoy.lb</c>.</param>
/// <param name="Value">The value as canonical JSON.</param>
public sealed record MetadataLabel(string Key, string Value);

/// <summary>
/// What a route asks of the metadata of endpoints (<c>metadata_match</c>), in an order that does not depend on how it was written. Immutable; equal where the
/// values are, with a hash that is computed once.
/// </summary>
public sealed class MetadataMatch : IEquatable<MetadataMatch>
{
    private readonly int _hash;

    /// <summary>A match of these values; of several with one key the last counts.</summary>
    public MetadataMatch(IEnumerable<MetadataLabel> labels)
    {
        Labels = [.. labels.GroupBy(static label => label.Key, StringComparer.Ordinal).Select(static group => group.Last()).OrderBy(static label => label.Key, StringComparer.Ordinal)];
        Text = string.Join('\n', Labels.Select(static label => $"{label.Key}={label.Value}"));
        _hash = StringComparer.Ordinal.GetHashCode(Text);
    }

    /// <summary>The values by key, in ordinal order.</summary>
    public ImmutableArray<MetadataLabel> Labels { get; }

    /// <summary>All values as text: equal where they are.</summary>
    public string Text { get; }

    /// <summary>
    /// What is asked one after the other where the cluster goes by <c>FALLBACK_LIST</c>: the match with the values of each element of <c>fallback_list</c>
    /// over it. Null where the match has no such key.
    /// </summary>
    public ImmutableArray<MetadataMatch>? Fallbacks { get; init; }

    /// <summary>The match of these keys alone; keys that it does not have are left out.</summary>
    public MetadataMatch Only(IEnumerable<string> keys) => new(Labels.Where(label => keys.Contains(label.Key, StringComparer.Ordinal)));

    /// <inheritdoc/>
    public bool Equals(MetadataMatch? other) => ReferenceEquals(this, other) || (other is not null && _hash == other._hash && Text == other.Text);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as MetadataMatch);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;
}

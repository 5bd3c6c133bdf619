using System.Collections;

namespace KubeProxyNet.Testing.Http;

/// <summary>One header field as it was on the wire: the name's case is kept, the value is trimmed of optional white space.</summary>
public readonly record struct RawHeader(string Name, string Value)
{
    public override string ToString() => $"{Name}: {Value}";
}

/// <summary>Header fields in wire order. Names compare without case (RFC 9110, section 5.1); repeated fields are kept apart.</summary>
public sealed class RawHeaders(IReadOnlyList<RawHeader> fields) : IReadOnlyList<RawHeader>
{
    public static RawHeaders Empty { get; } = new([]);

    public int Count => fields.Count;

    public RawHeader this[int index] => fields[index];

    /// <summary>The field's only value, or null where there is none. A field given twice throws: use <see cref="All"/> where that is allowed.</summary>
    public string? this[string name]
    {
        get
        {
            var values = All(name);
            return values.Count switch
            {
                0 => null,
                1 => values[0],
                _ => throw new InvalidOperationException($"'{name}' is there {values.Count} times: {string.Join(" | ", values)}"),
            };
        }
    }

    /// <summary>Every value of a field, in wire order.</summary>
    public IReadOnlyList<string> All(string name) =>
        [.. fields.Where(f => string.Equals(f.Name, name, StringComparison.OrdinalIgnoreCase)).Select(f => f.Value)];

    public bool Contains(string name) => fields.Any(f => string.Equals(f.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a comma-separated list field holds a token, over all its lines, without case.</summary>
    public bool HasToken(string name, string token) => All(name)
        .SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries))
        .Any(t => string.Equals(t, token, StringComparison.OrdinalIgnoreCase));

    public IEnumerator<RawHeader> GetEnumerator() => fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join("\r\n", fields);
}

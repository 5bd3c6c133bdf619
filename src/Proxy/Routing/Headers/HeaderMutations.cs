using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Observability.AccessLog;

namespace KubeProxyNet.Proxy.Routing.Headers;

/// <summary>
/// All header changes of a route, flattened over its levels: for each name, what becomes of the fields that are there and what is written
/// besides, as bytes. Everything that depends on the configuration alone is decided when the table is compiled; what remains is
/// whether the message has the header. Immutable.
/// </summary>
public sealed class HeaderMutations
{
    /// <summary>No change.</summary>
    public static HeaderMutations None { get; } = new([]);

    private readonly HeaderMutation[] _items;
    private readonly ulong _knownIds;
    private readonly ulong _lengths;

    internal HeaderMutations(HeaderMutation[] items, HeaderProgram? program = null)
    {
        _items = items;
        Program = program;
        Needs = program?.Needs ?? AccessLogNeeds.None;
        foreach (var item in items)
        {
            if (KnownHeaders.IsName(item.Id))
            {
                _knownIds |= 1UL << (int)item.Id;
            }
            else
            {
                _lengths |= 1UL << Math.Min(item.Name.Length, 63);
            }

            MaxLinesLength += Math.Max(item.LinesIfPresent.Length, item.LinesIfAbsent.Length);
        }
    }

    /// <summary>What must be kept of an exchange for values with format operators.</summary>
    public AccessLogNeeds Needs { get; }

    /// <summary>Plays the changes where values depend on the message; null where <see cref="Items"/> say everything.</summary>
    internal HeaderProgram? Program { get; }

    /// <summary>Upper bound of the lines that <see cref="Items"/> add.</summary>
    internal int MaxLinesLength { get; }

    /// <summary>True where nothing changes.</summary>
    public bool IsEmpty => _items.Length == 0;

    /// <summary>The changes, one a name. Where values hold format operators, only the names: what happens is known for each message alone.</summary>
    public ReadOnlySpan<HeaderMutation> Items => _items;

    /// <summary>
    /// Index in <see cref="Items"/> of what happens to a header; -1 where it stays as it is.
    /// Also to be asked for headers that the proxy is about to add itself: they count as being there.
    /// </summary>
    /// <param name="id">Known id of the header.</param>
    /// <param name="lowerCaseName">Its name; only looked at where the id stands for many names.</param>
    public int IndexOf(KnownHeader id, ReadOnlySpan<byte> lowerCaseName)
    {
        // Most headers are dismissed by one bit.
        if (KnownHeaders.IsName(id) ? (_knownIds & (1UL << (int)id)) == 0 : (_lengths & (1UL << Math.Min(lowerCaseName.Length, 63))) == 0)
        {
            return -1;
        }

        for (var i = 0; i < _items.Length; i++)
        {
            var item = _items[i];
            if (item.Id == id && (KnownHeaders.IsName(id) || lowerCaseName.SequenceEqual(item.Name)))
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>What happens to the headers of one name.</summary>
public sealed class HeaderMutation
{
    internal HeaderMutation(byte[] name, bool keepsFields, byte[][] valuesIfPresent, byte[][] valuesIfAbsent)
    {
        Name = name;
        Id = KnownHeaders.Identify(name);
        KeepsFields = keepsFields;
        ValuesIfPresent = valuesIfPresent;
        ValuesIfAbsent = valuesIfAbsent;
        LinesIfPresent = Lines(name, valuesIfPresent);
        LinesIfAbsent = Lines(name, valuesIfAbsent);
    }

    /// <summary>The name in lower case.</summary>
    public byte[] Name { get; }

    /// <summary>The known id of the name.</summary>
    public KnownHeader Id { get; }

    /// <summary>Whether fields that the message has are forwarded.</summary>
    public bool KeepsFields { get; }

    /// <summary>Values to add to a message that has the header.</summary>
    public byte[][] ValuesIfPresent { get; }

    /// <summary>Values to add to a message that does not have it.</summary>
    public byte[][] ValuesIfAbsent { get; }

    /// <summary><see cref="ValuesIfPresent"/> as HTTP/1 field lines with their line ends; may be empty.</summary>
    public byte[] LinesIfPresent { get; }

    /// <summary><see cref="ValuesIfAbsent"/> as HTTP/1 field lines with their line ends; may be empty.</summary>
    public byte[] LinesIfAbsent { get; }

    private static byte[] Lines(byte[] name, byte[][] values) => [.. values.SelectMany(value => (byte[])[.. name, .. ": "u8, .. value, .. "\r\n"u8])];
}

using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// A request or response head: the bytes as received (names in lower case) and a table of fields over them.
/// Pooled with its owner and refilled by a codec; it never holds strings. Not thread-safe: one worker owns it.
/// </summary>
public abstract class MessageHead
{
    private const int InitialFields = 32;

    private HeaderField[] _fields = new HeaderField[InitialFields];
    private FirstIndexTable _first;

    /// <summary>The storage that every slice refers to. Only the codec that fills the head writes here.</summary>
    public byte[] Bytes { get; protected internal set; } = [];

    /// <summary>Number of header fields.</summary>
    public int FieldCount { get; private set; }

    /// <summary>Minor version of HTTP/1 (0 or 1).</summary>
    public int MinorVersion { get; internal set; } = 1;

    /// <summary>The fields in the order received.</summary>
    public ReadOnlySpan<HeaderField> Fields => _fields.AsSpan(0, FieldCount);

    /// <summary>The bytes of a slice of this head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Span(Slice slice) => Bytes.AsSpan(slice.Offset, slice.Length);

    /// <summary>True where at least one field carries this known name.</summary>
    public bool Has(KnownHeader id) => _first[(int)id] != 0;

    /// <summary>Value of the first field with this known name; false where there is none.</summary>
    public bool TryGet(KnownHeader id, out ReadOnlySpan<byte> value)
    {
        var index = _first[(int)id];
        if (index == 0)
        {
            value = default;
            return false;
        }

        value = Span(_fields[index - 1].Value);
        return true;
    }

    /// <summary>Value of the first field with this lower-case name; false where there is none.</summary>
    public virtual bool TryGet(ReadOnlySpan<byte> lowerCaseName, out ReadOnlySpan<byte> value)
    {
        var id = KnownHeaders.Identify(lowerCaseName);
        if (id != KnownHeader.Other)
        {
            return TryGet(id, out value);
        }

        foreach (ref readonly var field in Fields)
        {
            if (field.Id == KnownHeader.Other && Span(field.Name).SequenceEqual(lowerCaseName))
            {
                value = Span(field.Value);
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Appends a field; its name must already be lower case.</summary>
    internal void AddField(Slice name, Slice value, KnownHeader id)
    {
        if (FieldCount == _fields.Length)
        {
            Array.Resize(ref _fields, _fields.Length * 2);
        }

        _fields[FieldCount++] = new HeaderField(name, value, id);
        if (_first[(int)id] == 0)
        {
            _first[(int)id] = (ushort)FieldCount;
        }
    }

    /// <summary>Takes over the fields of another head whose bytes were copied to <paramref name="bytes"/>.</summary>
    internal void CopyFields(MessageHead other, byte[] bytes)
    {
        Reset();
        Bytes = bytes;
        if (_fields.Length < other.FieldCount)
        {
            _fields = new HeaderField[other._fields.Length];
        }

        other.Fields.CopyTo(_fields);
        FieldCount = other.FieldCount;
        _first = other._first;
    }

    /// <summary>Forgets all fields; the storage is the codec's to replace.</summary>
    internal virtual void Reset()
    {
        FieldCount = 0;
        MinorVersion = 1;
        _first = default;
    }

    [InlineArray((int)KnownHeader.Count)]
    private struct FirstIndexTable
    {
        private ushort _element;
    }
}

using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Http;

/// <summary>
/// A request or response head: the bytes as received (names in lower case) and a table of fields over them.
/// Pooled with its owner and refilled by a codec; it never holds strings. Fields that the proxy adds itself stand in the same table, so that
/// routes, logs and the upstream see one and the same head. Not thread-safe: one worker owns it.
/// </summary>
public abstract class MessageHead
{
    private const int InitialFields = 32;

    /// <summary>A larger buffer for own fields is not kept for the next message.</summary>
    private const int KeptOwnBytes = 4096;

    private HeaderField[] _fields = new HeaderField[InitialFields];
    private FirstIndexTable _first;
    private byte[] _own = [];
    private int _received;

    /// <summary>The storage that the slices of what was received refer to. Only the codec that fills the head writes here.</summary>
    public byte[] Bytes { get; protected internal set; } = [];

    /// <summary>Number of header fields.</summary>
    public int FieldCount { get; private set; }

    /// <summary>The known names that the head has.</summary>
    internal HeaderMask Present { get; private set; }

    /// <summary>The known names that were added more than once.</summary>
    internal HeaderMask Repeated { get; private set; }

    /// <summary>The lines of the own fields, each with its line end; empty where there are none.</summary>
    internal ReadOnlySpan<byte> OwnLines => _own.AsSpan(0, OwnLength);

    /// <summary>Length of <see cref="OwnLines"/>.</summary>
    internal int OwnLength { get; private set; }

    /// <summary>Minor version of HTTP/1 (0 or 1).</summary>
    public int MinorVersion { get; internal set; } = 1;

    /// <summary>The fields in the order received, then our own.</summary>
    public ReadOnlySpan<HeaderField> Fields => _fields.AsSpan(0, FieldCount);

    /// <summary>The fields that arrived.</summary>
    internal ReadOnlySpan<HeaderField> ReceivedFields => _fields.AsSpan(0, OwnLength == 0 ? FieldCount : _received);

    /// <summary>The fields that the proxy added; their slices lie in <see cref="OwnLines"/>, at the offset's complement.</summary>
    internal ReadOnlySpan<HeaderField> OwnFields => OwnLength == 0 ? default : _fields.AsSpan(_received, FieldCount - _received);

    /// <summary>The bytes of a slice of this head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Span(Slice slice) =>
        slice.Offset >= 0 ? Bytes.AsSpan(slice.Offset, slice.Length) : _own.AsSpan(~slice.Offset, slice.Length);

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
        if (KnownHeaders.IsName(id))
        {
            return TryGet(id, out value);
        }

        foreach (ref readonly var field in Fields)
        {
            if (field.Id == id && Span(field.Name).SequenceEqual(lowerCaseName))
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
        var fields = _fields;
        var count = FieldCount;
        if ((uint)count >= (uint)fields.Length)
        {
            fields = GrowFields();
        }

        fields[count] = new HeaderField(name, value, id);
        FieldCount = count + 1;
        if (Present.Contains(id))
        {
            Repeated = Repeated.With(id);
            return;
        }

        Present = Present.With(id);
        _first[(int)id] = (ushort)(count + 1);
    }

    /// <summary>Where the value of the first field with this known name stands; empty where there is none.</summary>
    internal Slice ValueOf(KnownHeader id)
    {
        var index = _first[(int)id];
        return index == 0 ? default : _fields[index - 1].Value;
    }

    /// <summary>Takes every field with one of these names out of everybody's sight, without touching its bytes.</summary>
    internal void Withhold(HeaderMask ids)
    {
        if (!Present.Overlaps(ids))
        {
            return;
        }

        for (var i = 0; i < FieldCount; i++)
        {
            ref var field = ref _fields[i];
            if (ids.Contains(field.Id))
            {
                _first[(int)field.Id] = 0;
                Withhold(ref field);
            }
        }

        Present = new HeaderMask(Present.Bits & ~ids.Bits);
        Repeated = new HeaderMask(Repeated.Bits & ~ids.Bits);
    }

    /// <summary>Takes every field of a name out of everybody's sight, of those that share an id.</summary>
    internal void Withhold(KnownHeader id, ReadOnlySpan<byte> lowerCaseName)
    {
        for (var i = 0; i < FieldCount; i++)
        {
            ref var field = ref _fields[i];
            if (field.Id == id && Span(field.Name).SequenceEqual(lowerCaseName))
            {
                Withhold(ref field);
            }
        }
    }

    /// <summary>Takes the fields of a name that arrived out of sight; an own field of that name takes their place.</summary>
    internal void WithholdReceived(KnownHeader id)
    {
        for (var i = 0; i < FieldCount; i++)
        {
            ref var field = ref _fields[i];
            if (field.Id != id)
            {
                continue;
            }

            if (field.Name.Offset < 0)
            {
                _first[(int)id] = (ushort)(i + 1);
                return;
            }

            Withhold(ref field);
        }
    }

    /// <summary>The same by the name, for one that has no id.</summary>
    internal void WithholdReceived(ReadOnlySpan<byte> lowerCaseName)
    {
        for (var i = 0; i < FieldCount; i++)
        {
            ref var field = ref _fields[i];
            if (field is { Id: KnownHeader.Other, Name.Offset: >= 0 } && Ascii.EqualsIgnoreCase(Span(field.Name), lowerCaseName))
            {
                Withhold(ref field);
            }
        }
    }

    /// <summary>True where a field of the proxy's own has this name.</summary>
    internal bool HasOwn(KnownHeader id)
    {
        foreach (ref readonly var field in OwnFields)
        {
            if (field.Id == id)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Adds a field of the proxy's own behind those that arrived.</summary>
    /// <param name="lowerCaseName">Its name.</param>
    /// <param name="id">The id of the name.</param>
    /// <param name="valueLength">Length of the value.</param>
    /// <returns>Where the value is to be written at once; valid until the next change of the head.</returns>
    internal Span<byte> AddOwnField(ReadOnlySpan<byte> lowerCaseName, KnownHeader id, int valueLength)
    {
        var start = OwnLength;
        var value = start + lowerCaseName.Length + 2;
        var end = value + valueLength + 2;
        if (start == 0)
        {
            _received = FieldCount;
        }

        if (_own.Length < end)
        {
            GrowOwn(end);
        }

        var line = _own.AsSpan(start, end - start);
        lowerCaseName.CopyTo(line);
        line = line[lowerCaseName.Length..];
        line[0] = (byte)':';
        line[1] = (byte)' ';
        line[^2] = (byte)'\r';
        line[^1] = (byte)'\n';
        OwnLength = end;
        AddField(new Slice(~start, lowerCaseName.Length), new Slice(~value, valueLength), id);
        return line[2..^2];
    }

    /// <inheritdoc cref="AddOwnField(ReadOnlySpan{byte}, KnownHeader, int)"/>
    internal void AddOwnField(ReadOnlySpan<byte> lowerCaseName, KnownHeader id, ReadOnlySpan<byte> value) =>
        value.CopyTo(AddOwnField(lowerCaseName, id, value.Length));

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
        Present = other.Present;
        Repeated = other.Repeated;
    }

    /// <summary>Has its table fetched into the caches.</summary>
    internal void Prefetch() => Transport.CacheLines.Prefetch(_fields, lines: 3);

    /// <summary>Forgets all fields; the storage is the codec's to replace.</summary>
    internal virtual void Reset()
    {
        FieldCount = 0;
        MinorVersion = 1;
        Present = Repeated = default;
        _first = default;

        // The buffer grows to twice what it must hold: while little is in it, it need not be looked at.
        if (OwnLength > KeptOwnBytes / 2 && _own.Length > KeptOwnBytes)
        {
            _own = [];
        }

        OwnLength = 0;
    }

    private void Withhold(ref HeaderField field)
    {
        field = field with { Id = KnownHeader.Withheld };
        Present = Present.With(KnownHeader.Withheld);
    }

    private HeaderField[] GrowFields()
    {
        Array.Resize(ref _fields, _fields.Length * 2);
        return _fields;
    }

    private void GrowOwn(int least) => Array.Resize(ref _own, Math.Max(256, least * 2));

    [InlineArray((int)KnownHeader.Count)]
    private struct FirstIndexTable
    {
        private ushort _element;
    }
}

using System.Numerics;

namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>
/// The dynamic table (RFC 7541 §2.3.2, §4): entries go in at one end and are evicted at the other. Every entry stands in one piece, as
/// <c>name: value CR LF</c>, in an array that entries move down in from time to time; nothing is allocated before the first entry, and
/// no more than entries really take.
/// </summary>
/// <remarks>An entry has a sequence number for life; <see cref="Newest"/> is that of the last one. They wrap around.</remarks>
internal sealed class DynamicTable(int maxSize)
{
    /// <summary>What an entry counts besides its bytes (RFC 7541 §4.1).</summary>
    public const int EntryOverhead = 32;

    /// <summary>The size that both ends begin with (RFC 9113 §6.5.2).</summary>
    public const int DefaultSize = 4096;

    /// <summary>Bytes of a line that are neither name nor value.</summary>
    private const int Separators = 4;

    private const int FirstBytes = 512;
    private const int FirstEntries = 8;

    private byte[] _bytes = [];
    private Entry[] _entries = [];

    // What the entries occupy of _bytes; an entry's own position counts from a place that moves with them.
    private int _start;
    private int _end;
    private uint _moved;

    /// <summary>Number of entries.</summary>
    public int Count { get; private set; }

    /// <summary>What the entries count (RFC 7541 §4.1).</summary>
    public int Size { get; private set; }

    /// <summary>What they may count.</summary>
    public int MaxSize { get; private set; } = maxSize;

    /// <summary>Sequence number of the entry that was added last.</summary>
    public uint Newest { get; private set; }

    /// <summary>Slots that entries lie in: sequence number modulo this one, a power of two; 0 before the first entry.</summary>
    public int Slots => _entries.Length;

    /// <summary>Bytes that are allocated for names and values.</summary>
    public int Allocated => _bytes.Length;

    /// <summary>True where an entry with that sequence number is still there.</summary>
    public bool IsThere(uint sequence) => Newest - sequence < (uint)Count;

    /// <summary>True where such an entry can be in the table at all.</summary>
    public bool Fits(int nameLength, int valueLength) => (long)nameLength + valueLength + EntryOverhead <= MaxSize;

    /// <summary>An entry that is there.</summary>
    public ref Entry this[uint sequence] => ref _entries[(int)sequence & (_entries.Length - 1)];

    /// <summary>An entry that is there as <c>name: value CR LF</c>; valid until the next one is added.</summary>
    public ReadOnlySpan<byte> Line(uint sequence)
    {
        ref var entry = ref this[sequence];
        return _bytes.AsSpan((int)(entry.Position - _moved), entry.NameLength + entry.ValueLength + Separators);
    }

    /// <summary>Sets what the entries may count; evicts those for which there is no room any more (RFC 7541 §4.3).</summary>
    public void SetMaxSize(int size)
    {
        MaxSize = size;
        EvictTo(size);
    }

    /// <summary>Adds an entry that <see cref="Fits"/>.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        MakeRoom(name.Length + value.Length + Separators);
        name.CopyTo(_bytes.AsSpan(_end));
        AddValue(name.Length, value);
    }

    /// <summary>Adds an entry that <see cref="Fits"/>, with the name of one that is there and may be evicted for it (RFC 7541 §4.4).</summary>
    public void AddWithNameOf(uint sequence, ReadOnlySpan<byte> value)
    {
        var length = this[sequence].NameLength;
        MakeRoom(length + value.Length + Separators);
        this[sequence].NameIn(Line(sequence)).CopyTo(_bytes.AsSpan(_end));
        AddValue(length, value);
    }

    /// <summary>Takes all entries out, as one does that is larger than the table (RFC 7541 §4.4).</summary>
    public void Clear() => EvictTo(0);

    /// <summary>Behind the name, which is in its place.</summary>
    private void AddValue(int nameLength, ReadOnlySpan<byte> value)
    {
        var line = _bytes.AsSpan(_end, nameLength + value.Length + Separators);
        ": "u8.CopyTo(line[nameLength..]);
        value.CopyTo(line[(nameLength + 2)..]);
        "\r\n"u8.CopyTo(line[^2..]);
        var size = nameLength + value.Length + EntryOverhead;
        EvictTo(MaxSize - size);
        if (Count == _entries.Length)
        {
            GrowEntries();
        }

        Newest++;
        Count++;
        Size += size;
        this[Newest] = new Entry { Position = (uint)_end + _moved, NameLength = nameLength, ValueLength = value.Length };
        _end += line.Length;
    }

    private void EvictTo(int size)
    {
        while (Size > size)
        {
            ref var oldest = ref this[Newest - (uint)Count + 1];
            Size -= oldest.NameLength + oldest.ValueLength + EntryOverhead;
            _start += oldest.NameLength + oldest.ValueLength + Separators;
            Count--;
        }
    }

    // Before anything is evicted, since the name may be that of an entry which will be: hence room for as much as twice the table.
    private void MakeRoom(int length)
    {
        if (Count == 0)
        {
            _start = _end = 0;
        }

        if (_end + length <= _bytes.Length)
        {
            return;
        }

        // It grows with what is in it as far as the table may; with less than a quarter free entries would be moved all the time.
        var needed = _end - _start + length;
        var target = needed > _bytes.Length || (needed > _bytes.Length / 4 * 3 && _bytes.Length < MaxSize)
            ? new byte[Math.Max(BitOperations.RoundUpToPowerOf2((uint)Math.Min(needed + (needed / 3), MaxSize * 2)), FirstBytes)]
            : _bytes;
        _bytes.AsSpan(_start, _end - _start).CopyTo(target);
        _bytes = target;
        _moved += (uint)_start;
        _end -= _start;
        _start = 0;
    }

    private void GrowEntries()
    {
        var entries = new Entry[Math.Max(_entries.Length * 2, FirstEntries)];
        for (var age = 0u; age < Count; age++)
        {
            var sequence = Newest - age;
            entries[(int)sequence & (entries.Length - 1)] = this[sequence];
        }

        _entries = entries;
    }

    /// <summary>An entry; the table owns its position and lengths.</summary>
    public struct Entry
    {
        public required uint Position { get; init; }

        public required int NameLength { get; init; }

        public required int ValueLength { get; init; }

        /// <summary>Which name it is.</summary>
        public KnownHeader Id;

        /// <inheritdoc cref="Id"/>
        public PseudoHeader Pseudo;

        /// <summary>True once the receiver of fields said that the name is valid.</summary>
        public bool IsNameChecked;

        /// <summary>True once the receiver of fields said that name and value are valid.</summary>
        public bool IsChecked;

        /// <summary>The name out of its <see cref="Line"/>.</summary>
        public readonly ReadOnlySpan<byte> NameIn(ReadOnlySpan<byte> line) => line[..NameLength];

        /// <summary>The value out of its <see cref="Line"/>.</summary>
        public readonly ReadOnlySpan<byte> ValueIn(ReadOnlySpan<byte> line) => line.Slice(NameLength + 2, ValueLength);
    }
}

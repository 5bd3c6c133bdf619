namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>
/// Encodes the header blocks that one connection sends (RFC 7541). No I/O, and no allocation once the dynamic table has grown to what the
/// fields take. What is written of a block must be sent, and in order: the table follows it.
/// </summary>
internal sealed class HpackEncoder
{
    /// <summary>Most bytes that <see cref="Begin"/> writes.</summary>
    public const int MaxBeginLength = 2 * 3;

    // An octet with its representation, and the rest of two lengths and an index.
    private const int MaxFieldOverhead = 16;

    // Larger ones would drive everything else out of the table.
    private const int MaxShareOfTable = 2;

    // Fields that came lately, by their hashes; 0 is none. Few, so that what seldom comes again is forgotten.
    private const int Remembered = 64;

    private readonly DynamicTable _table = new(DynamicTable.DefaultSize);
    private FieldIndex? _index;
    private ushort[]? _seen;

    // Of the sizes that the peer asked for since the last block.
    private int _smallestSize = DynamicTable.DefaultSize;
    private int _lastSize = DynamicTable.DefaultSize;

    /// <summary>Number of entries in the dynamic table, for tests and for what is shown of a connection.</summary>
    public int Entries => _table.Count;

    /// <summary>What the entries count (RFC 7541 §4.1).</summary>
    public int TableSize => _table.Size;

    /// <summary>Most bytes that a field with these lengths takes.</summary>
    public static int MaxLength(int nameLength, int valueLength) => nameLength + valueLength + MaxFieldOverhead;

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE came; in force from the next block on. Of more than the default size nothing is used.</summary>
    /// <param name="bytes">Any value that settings can have; unsigned, so pass what is above <see cref="int.MaxValue"/> as that.</param>
    public void SetPeerTableSize(int bytes)
    {
        _lastSize = Math.Clamp(bytes, 0, DynamicTable.DefaultSize);
        _smallestSize = Math.Min(_smallestSize, _lastSize);
    }

    /// <summary>
    /// Starts a block: with size updates, where the peer asked for another size since the last one: the smallest of those it asked for, then
    /// the last (RFC 7541 §4.2).
    /// </summary>
    public void Begin(ref ByteWriter writer)
    {
        if (_smallestSize < _table.MaxSize)
        {
            Update(ref writer, _smallestSize);
        }

        if (_lastSize != _table.MaxSize)
        {
            Update(ref writer, _lastSize);
        }

        _smallestSize = _lastSize;
    }

    /// <summary>Writes a field, for which there must be room for <see cref="MaxLength"/>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="lowerCaseName">A regular name, or that of a pseudo-header with its colon.</param>
    /// <param name="value">The value.</param>
    /// <param name="isNeverIndexed">True where the field came with <see cref="HpackField.IsNeverIndexed"/>: it goes on so (RFC 7541 §6.2.3).</param>
    public void Write(ref ByteWriter writer, scoped ReadOnlySpan<byte> lowerCaseName, scoped ReadOnlySpan<byte> value, bool isNeverIndexed = false)
    {
        var hash = FieldHash.Of(lowerCaseName);
        Write(ref writer, FieldRules.Find(lowerCaseName, hash), lowerCaseName, hash, value, isNeverIndexed);
    }

    /// <summary>Writes <c>:status</c>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="status">100 to 999.</param>
    public void WriteStatus(ref ByteWriter writer, int status)
    {
        var index = status switch { 200 => 8, 204 => 9, 206 => 10, 304 => 11, 400 => 12, 404 => 13, 500 => 14, _ => 0 };
        if (index != 0)
        {
            writer.Write((byte)(0x80 | index));
            return;
        }

        Write(ref writer, FieldRules.Status, [(byte)('0' + (status / 100)), (byte)('0' + (status / 10 % 10)), (byte)('0' + (status % 10))]);
    }

    /// <summary>Writes <c>:method</c>.</summary>
    public void WriteMethod(ref ByteWriter writer, ReadOnlySpan<byte> method) => Write(ref writer, FieldRules.Method, method);

    /// <summary>Writes <c>:scheme</c>.</summary>
    public void WriteScheme(ref ByteWriter writer, ReadOnlySpan<byte> scheme) => Write(ref writer, FieldRules.Scheme, scheme);

    /// <summary>Writes <c>:authority</c>.</summary>
    public void WriteAuthority(ref ByteWriter writer, ReadOnlySpan<byte> authority) => Write(ref writer, FieldRules.Authority, authority);

    /// <summary>Writes <c>:path</c>.</summary>
    public void WritePath(ref ByteWriter writer, ReadOnlySpan<byte> path) => Write(ref writer, FieldRules.Path, path);

    private void Write(ref ByteWriter writer, FieldRule rule, scoped ReadOnlySpan<byte> value) =>
        Write(ref writer, rule, rule.Name, rule.NameHash, value, isNeverIndexed: false);

    private void Write(ref ByteWriter writer, FieldRule rule, scoped ReadOnlySpan<byte> name, uint nameHash, scoped ReadOnlySpan<byte> value, bool isNeverIndexed)
    {
        if (isNeverIndexed || rule.Indexing == Indexing.Never || value.Length < rule.SecretLength)
        {
            WriteLiteral(ref writer, 0x10, 4, rule.StaticIndex, name, value);
            return;
        }

        for (var index = rule.StaticIndex; index < rule.StaticIndex + rule.StaticCount; index++)
        {
            if (value.SequenceEqual(StaticTable.Get(index).Value))
            {
                writer.Write((byte)(0x80 | index));
                return;
            }
        }

        if (_table.MaxSize == 0 || (rule.Indexing == Indexing.ForName && rule.StaticIndex > 0))
        {
            WriteLiteral(ref writer, 0x00, 4, rule.StaticIndex, name, value);
            return;
        }

        WriteByTable(ref writer, rule, name, nameHash, value);
    }

    private void WriteByTable(ref ByteWriter writer, FieldRule rule, scoped ReadOnlySpan<byte> name, uint nameHash, scoped ReadOnlySpan<byte> value)
    {
        var index = _index ??= new FieldIndex(_table);
        if (index.TryRecent(rule, value, out var sequence))
        {
            HpackInteger.Write(ref writer, 0x80, 7, IndexOf(sequence));
            return;
        }

        var hash = FieldHash.Of(nameHash, value);
        if (index.TryField(hash, name, value, out sequence))
        {
            HpackInteger.Write(ref writer, 0x80, 7, IndexOf(sequence));
            return;
        }

        var isNameThere = rule.StaticIndex == 0 && index.TryName(nameHash, name, out sequence);
        var nameIndex = isNameThere ? IndexOf(sequence) : rule.StaticIndex;
        var isWorthIt = nameIndex == 0 || rule.Indexing == Indexing.AtOnce || (rule.Indexing == Indexing.OnRepeat && CameBefore(hash));
        if (!isWorthIt || name.Length + value.Length + DynamicTable.EntryOverhead > _table.MaxSize / MaxShareOfTable)
        {
            WriteLiteral(ref writer, 0x00, 4, nameIndex, name, value);
            return;
        }

        WriteLiteral(ref writer, 0x40, 6, nameIndex, name, value);
        _table.Add(name, value);
        index.Add(rule, nameHash, hash);
    }

    /// <summary>Notes a field, and says whether it came lately.</summary>
    private bool CameBefore(uint hash)
    {
        _seen ??= new ushort[Remembered];
        ref var seen = ref _seen[hash % Remembered];
        var mark = (ushort)((hash >> 16) | 1);
        if (seen == mark)
        {
            return true;
        }

        seen = mark;
        return false;
    }

    private int IndexOf(uint sequence) => (int)(_table.Newest - sequence) + StaticTable.Count + 1;

    // RFC 7541 §6.3.
    private void Update(ref ByteWriter writer, int size)
    {
        HpackInteger.Write(ref writer, 0x20, 5, size);
        _table.SetMaxSize(size);
    }

    // RFC 7541 §6.2.
    private static void WriteLiteral(ref ByteWriter writer, byte kind, int prefixBits, int nameIndex, scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        HpackInteger.Write(ref writer, kind, prefixBits, nameIndex);
        if (nameIndex == 0)
        {
            WriteString(ref writer, name);
        }

        WriteString(ref writer, value);
    }

    private static void WriteString(ref ByteWriter writer, scoped ReadOnlySpan<byte> text)
    {
        var encoded = Huffman.EncodedLength(text);
        if (encoded < text.Length)
        {
            HpackInteger.Write(ref writer, 0x80, 7, encoded);
            Huffman.Encode(text, writer.Take(encoded));
        }
        else
        {
            HpackInteger.Write(ref writer, 0x00, 7, text.Length);
            writer.Write(text);
        }
    }
}

using System.Buffers;
using System.Runtime.CompilerServices;

namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>
/// Decodes the header blocks that one connection receives (RFC 7541). No I/O, and no allocation once the dynamic table has grown to what the
/// peer uses. It does not judge names and values: that is for who takes them.
/// </summary>
internal sealed class HpackDecoder
{
    /// <summary>Largest dynamic table that can be announced.</summary>
    public const int MaxTableSize = 16 * 1024 * 1024;

    // Decoded strings of more than this are put into a rented array.
    private const int StackBytes = 1024;

    private readonly int _announced;
    private readonly DynamicTable _table = new(DynamicTable.DefaultSize);
    private int _limit;
    private bool _needsUpdate;

    /// <summary>Makes the decoder of a connection.</summary>
    /// <param name="maxTableSize">SETTINGS_HEADER_TABLE_SIZE of our settings, in bytes; 0 to <see cref="MaxTableSize"/>.</param>
    public HpackDecoder(int maxTableSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxTableSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxTableSize, MaxTableSize);
        _announced = maxTableSize;
        _limit = Math.Max(maxTableSize, DynamicTable.DefaultSize);
    }

    /// <summary>Number of entries in the dynamic table, for tests and for what is shown of a connection.</summary>
    public int Entries => _table.Count;

    /// <summary>What the entries count (RFC 7541 §4.1).</summary>
    public int TableSize => _table.Size;

    /// <summary>
    /// The peer acknowledged our settings. Only then does what we announced hold: until then it may use the default size (RFC 9113 §4.3.1),
    /// and if that is more, its next block must begin with a size update (RFC 7541 §4.2).
    /// </summary>
    public void OnSettingsAcknowledged()
    {
        _limit = _announced;
        _needsUpdate |= _table.MaxSize > _announced;
    }

    /// <summary>
    /// Decodes a whole block: a HEADERS or PUSH_PROMISE frame with its CONTINUATION frames. Also a block that nobody wants must come here,
    /// since it changes the table (RFC 9113 §4.3).
    /// </summary>
    [SkipLocalsInit]
    public HpackStatus Decode<TFields>(scoped ReadOnlySpan<byte> block, ref TFields fields)
        where TFields : IHpackFields, allows ref struct
    {
        Span<byte> stack = stackalloc byte[StackBytes];
        byte[]? rented = null;
        var status = HpackStatus.Done;
        var wanted = true;
        var canUpdate = true;
        for (var at = 0; at < block.Length && status == HpackStatus.Done;)
        {
            var first = block[at];
            if (first >> 5 == 1)
            {
                status = canUpdate ? Update(block, ref at) : HpackStatus.BadSizeUpdate;
                continue;
            }

            if (_needsUpdate)
            {
                status = HpackStatus.MissingSizeUpdate;
                break;
            }

            canUpdate = false;
            status = first >= 0x80
                ? Indexed(block, ref at, ref fields, ref wanted)
                : Literal(block, ref at, stack, ref rented, ref fields, ref wanted);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }

        return status != HpackStatus.Done || wanted ? status : HpackStatus.Stopped;
    }

    // RFC 7541 §6.3.
    private HpackStatus Update(ReadOnlySpan<byte> block, ref int at)
    {
        var status = HpackInteger.Read(block, ref at, 5, out var size);
        if (status != HpackStatus.Done)
        {
            return status;
        }

        if (size > _limit)
        {
            return HpackStatus.BadSizeUpdate;
        }

        _table.SetMaxSize(size);
        _needsUpdate = false;
        return HpackStatus.Done;
    }

    // RFC 7541 §6.1.
    private HpackStatus Indexed<TFields>(scoped ReadOnlySpan<byte> block, scoped ref int at, ref TFields fields, ref bool wanted)
        where TFields : IHpackFields, allows ref struct
    {
        var status = HpackInteger.Read(block, ref at, 7, out var index);
        if (status != HpackStatus.Done)
        {
            return status;
        }

        if (index <= StaticTable.Count)
        {
            if (index == 0)
            {
                return HpackStatus.BadIndex;
            }

            if (wanted)
            {
                var entry = StaticTable.Get(index);
                wanted = fields.OnField(new HpackField
                {
                    Name = entry.Name,
                    Value = entry.Value,
                    Line = entry.Line,
                    Id = entry.Id,
                    Pseudo = entry.Pseudo,
                    IsNameChecked = true,
                    IsChecked = true,
                });
            }

            return HpackStatus.Done;
        }

        if (!IsDynamic(index))
        {
            return HpackStatus.BadIndex;
        }

        if (wanted)
        {
            wanted = Give(Sequence(index), ref fields);
        }

        return HpackStatus.Done;
    }

    // RFC 7541 §6.2: with incremental indexing (01), without (0000) and never indexed (0001).
    private HpackStatus Literal<TFields>(
        scoped ReadOnlySpan<byte> block,
        scoped ref int at,
        scoped Span<byte> stack,
        ref byte[]? rented,
        ref TFields fields,
        ref bool wanted)
        where TFields : IHpackFields, allows ref struct
    {
        var first = block[at];
        var isIndexing = first >= 0x40;
        var status = HpackInteger.Read(block, ref at, isIndexing ? 6 : 4, out var nameIndex);
        if (status != HpackStatus.Done)
        {
            return status;
        }

        if (nameIndex > StaticTable.Count && !IsDynamic(nameIndex))
        {
            return HpackStatus.BadIndex;
        }

        scoped HpackString name = default;
        if (nameIndex == 0 && (status = HpackString.Read(block, ref at, out name)) != HpackStatus.Done)
        {
            return status;
        }

        if ((status = HpackString.Read(block, ref at, out var value)) != HpackStatus.Done)
        {
            return status;
        }

        var buffer = Buffer(stack, ref rented, name.MaxDecodedLength + value.MaxDecodedLength);
        if (!name.TryDecode(ref buffer, out var nameBytes) || !value.TryDecode(ref buffer, out var valueBytes))
        {
            return HpackStatus.BadHuffman;
        }

        KnownHeader id;
        PseudoHeader pseudo;
        var isNameChecked = false;
        if (nameIndex == 0)
        {
            id = KnownHeaders.Identify(nameBytes);
            pseudo = PseudoHeaders.Identify(nameBytes);
        }
        else if (nameIndex <= StaticTable.Count)
        {
            var entry = StaticTable.Get(nameIndex);
            nameBytes = entry.Name;
            (id, pseudo, isNameChecked) = (entry.Id, entry.Pseudo, true);
        }
        else
        {
            ref var entry = ref _table[Sequence(nameIndex)];
            nameBytes = entry.NameIn(_table.Line(Sequence(nameIndex)));
            (id, pseudo, isNameChecked) = (entry.Id, entry.Pseudo, entry.IsNameChecked);
        }

        if (isIndexing && _table.Fits(nameBytes.Length, valueBytes.Length))
        {
            if (nameIndex > StaticTable.Count)
            {
                _table.AddWithNameOf(Sequence(nameIndex), valueBytes);
            }
            else
            {
                _table.Add(nameBytes, valueBytes);
            }

            ref var added = ref _table[_table.Newest];
            (added.Id, added.Pseudo, added.IsNameChecked) = (id, pseudo, isNameChecked);
            if (wanted)
            {
                wanted = Give(_table.Newest, ref fields);
            }

            return HpackStatus.Done;
        }

        if (wanted)
        {
            wanted = fields.OnField(new HpackField
            {
                Name = nameBytes,
                Value = valueBytes,
                Id = id,
                Pseudo = pseudo,
                IsNameChecked = isNameChecked,
                IsNeverIndexed = first >> 4 == 1,
            });
        }

        // Larger than the table: nothing goes in, everything goes out (RFC 7541 §4.4). The bytes of the name lasted until now.
        if (isIndexing)
        {
            _table.Clear();
        }

        return HpackStatus.Done;
    }

    /// <summary>Gives an entry of the dynamic table, and remembers what was said of it.</summary>
    private bool Give<TFields>(uint sequence, ref TFields fields)
        where TFields : IHpackFields, allows ref struct
    {
        ref var entry = ref _table[sequence];
        var line = _table.Line(sequence);
        var isGood = fields.OnField(new HpackField
        {
            Name = entry.NameIn(line),
            Value = entry.ValueIn(line),
            Line = line,
            Id = entry.Id,
            Pseudo = entry.Pseudo,
            IsNameChecked = entry.IsNameChecked,
            IsChecked = entry.IsChecked,
        });
        entry.IsNameChecked |= isGood;
        entry.IsChecked |= isGood;
        return isGood;
    }

    private bool IsDynamic(int index) => index - StaticTable.Count <= _table.Count;

    private uint Sequence(int index) => _table.Newest - (uint)(index - StaticTable.Count - 1);

    /// <summary>Where the strings of one field are decoded to: the stack, or an array for the long ones.</summary>
    private static Span<byte> Buffer(Span<byte> stack, ref byte[]? rented, int length)
    {
        if (length <= stack.Length)
        {
            return stack;
        }

        if (rented is null || rented.Length < length)
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }

            rented = ArrayPool<byte>.Shared.Rent(length);
        }

        return rented;
    }
}

using System.Text;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Testing.Http2.Hpack;

/// <summary>A block that breaks RFC 7541.</summary>
public sealed class HpackFaultException(string message) : Exception(message);

/// <summary>The whole of RFC 7541 for one receiving direction, written for the tests alone: plain rather than fast.</summary>
public sealed class HpackReader
{
    private const int EntryOverhead = 32;
    private readonly List<RawHeader> _table = [];
    private int _allowed;
    private int _capacity;
    private bool _mustShrink;

    /// <summary>A reader with an empty table.</summary>
    /// <param name="allowed">SETTINGS_HEADER_TABLE_SIZE of this side: the most that the peer may set the table to.</param>
    public HpackReader(int allowed = 4096) => _allowed = _capacity = allowed;

    /// <summary>Bytes of the table's entries as section 4.1 counts them.</summary>
    public int TableSize => _table.Sum(SizeOf);

    /// <summary>Entries of the table.</summary>
    public int TableCount => _table.Count;

    /// <summary>Names of the fields of the last block that nobody may put into a table (section 6.2.3).</summary>
    public IReadOnlyList<string> NeverIndexed { get; private set; } = [];

    /// <summary>Another limit, from when the peer has acknowledged it. Where it is lower than the table, the next block must say so first (section 4.2).</summary>
    public void Allow(int size)
    {
        _mustShrink = size < _capacity;
        _allowed = size;
    }

    /// <summary>Decodes one block. Throws <see cref="HpackFaultException"/>.</summary>
    public RawHeaders Read(ReadOnlySpan<byte> block)
    {
        var fields = new List<RawHeader>();
        var secrets = new List<string>();
        var atStart = true;
        while (!block.IsEmpty)
        {
            var first = block[0];
            if ((first & 0xe0) == 0x20)
            {
                Require(atStart, "a size update that is not at the beginning (section 4.2)");
                Resize(Number(ref block, 5));
                continue;
            }

            Require(!_mustShrink, "no size update after the limit was lowered (section 4.2)");
            atStart = false;
            if ((first & 0x80) != 0)
            {
                fields.Add(At(Number(ref block, 7)));
                continue;
            }

            var isAdded = (first & 0x40) != 0;
            var index = Number(ref block, isAdded ? 6 : 4);
            var field = new RawHeader(index == 0 ? Text(ref block) : At(index).Name, Text(ref block));
            fields.Add(field);
            if ((first & 0xf0) == 0x10)
            {
                secrets.Add(field.Name);
            }

            if (isAdded)
            {
                Add(field);
            }
        }

        NeverIndexed = secrets;
        return new RawHeaders(fields);
    }

    private static int SizeOf(RawHeader field) => field.Name.Length + field.Value.Length + EntryOverhead;

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new HpackFaultException(what);
        }
    }

    private static int Number(ref ReadOnlySpan<byte> block, int prefix)
    {
        var most = (1 << prefix) - 1;
        long value = block[0] & most;
        block = block[1..];
        for (var shift = 0; value >= most; shift += 7)
        {
            Require(!block.IsEmpty, "a block that ends in an integer");
            var b = block[0];
            block = block[1..];
            value += (long)(b & 0x7f) << shift;
            Require(value <= int.MaxValue, "an integer that is too large");
            if ((b & 0x80) == 0)
            {
                break;
            }
        }

        return (int)value;
    }

    private static string Text(ref ReadOnlySpan<byte> block)
    {
        Require(!block.IsEmpty, "a block that ends before a string");
        var isCoded = (block[0] & 0x80) != 0;
        var length = Number(ref block, 7);
        Require(length <= block.Length, "a block that ends in a string");
        var bytes = block[..length];
        block = block[length..];
        return Encoding.Latin1.GetString(isCoded ? HuffmanCode.Decode(bytes) : bytes);
    }

    private RawHeader At(int index)
    {
        Require(index >= 1 && index <= HpackStaticTable.Fields.Count + _table.Count, $"there is no entry {index}");
        return index <= HpackStaticTable.Fields.Count ? HpackStaticTable.Fields[index - 1] : _table[index - HpackStaticTable.Fields.Count - 1];
    }

    private void Resize(int capacity)
    {
        Require(capacity <= _allowed, $"a table of {capacity} bytes, where {_allowed} are allowed");
        _mustShrink = false;
        _capacity = capacity;
        Evict(0);
    }

    private void Add(RawHeader field)
    {
        Evict(SizeOf(field));
        if (SizeOf(field) <= _capacity)
        {
            _table.Insert(0, field);
        }
    }

    private void Evict(int room)
    {
        while (_table.Count > 0 && TableSize + room > _capacity)
        {
            _table.RemoveAt(_table.Count - 1);
        }
    }
}

using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Fuzz.Reference;

/// <summary>A second reader of header blocks, slow and copied from the sections of RFC 7541: lists, and Huffman codes bit by bit.</summary>
internal sealed class ReferenceHpack(int announced)
{
    private static readonly Dictionary<(int Length, uint Code), byte> Symbols = Enumerable.Range(0, 256)
        .ToDictionary(static symbol => ((int)HuffmanCode.Lengths[symbol], HuffmanCode.Codes[symbol]), static symbol => (byte)symbol);

    private readonly List<(byte[] Name, byte[] Value)> _dynamic = [];
    private int _limit = Math.Max(announced, 4096);
    private int _maxSize = 4096;
    private bool _needsUpdate;
    private byte[] _block = [];
    private int _at;

    public int Entries => _dynamic.Count;

    public int Size => _dynamic.Sum(static entry => entry.Name.Length + entry.Value.Length + 32);

    public void OnSettingsAcknowledged()
    {
        _limit = announced;
        _needsUpdate |= _maxSize > announced;
    }

    /// <summary>Reads a block into a list. False where it is a decoding error.</summary>
    public bool Decode(byte[] block, List<(byte[] Name, byte[] Value, bool IsNeverIndexed)> fields)
    {
        _block = block;
        _at = 0;
        try
        {
            while (_at < _block.Length && _block[_at] >> 5 == 0b001)
            {
                var size = Integer(5);
                Demand(size <= _limit);
                _maxSize = size;
                Evict(0);
                _needsUpdate = false;
            }

            while (_at < _block.Length)
            {
                Demand(!_needsUpdate);
                fields.Add(Field());
            }

            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private (byte[] Name, byte[] Value, bool IsNeverIndexed) Field()
    {
        var first = _block[_at];
        if (first >> 7 == 0b1)
        {
            var (name, value) = Entry(Integer(7));
            return (name, value, false);
        }

        if (first >> 6 == 0b01)
        {
            var (name, value) = Literal(6);
            var size = name.Length + value.Length + 32;
            Evict(size);
            if (size <= _maxSize)
            {
                _dynamic.Insert(0, (name, value));
            }

            return (name, value, false);
        }

        Demand(first >> 5 == 0);
        var (otherName, otherValue) = Literal(4);
        return (otherName, otherValue, first >> 4 == 0b0001);
    }

    private (byte[] Name, byte[] Value) Literal(int prefix)
    {
        var index = Integer(prefix);
        var name = index == 0 ? Text() : Entry(index).Name;
        return (name, Text());
    }

    private (byte[] Name, byte[] Value) Entry(int index)
    {
        Demand(index >= 1 && index <= 61 + _dynamic.Count);
        return index <= 61 ? (StaticTable.Get(index).Name.ToArray(), StaticTable.Get(index).Value.ToArray()) : _dynamic[index - 62];
    }

    private void Evict(int room)
    {
        while (_dynamic.Count > 0 && Size + room > _maxSize)
        {
            _dynamic.RemoveAt(_dynamic.Count - 1);
        }
    }

    private byte[] Text()
    {
        Demand(_at < _block.Length);
        var isHuffman = _block[_at] >> 7 == 1;
        var length = Integer(7);
        Demand(length <= _block.Length - _at);
        var bytes = _block[_at..(_at + length)];
        _at += length;
        return isHuffman ? Huffman(bytes) : bytes;
    }

    private static byte[] Huffman(byte[] bytes)
    {
        var text = new List<byte>();
        var code = 0u;
        var length = 0;
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            code = (code << 1) | (uint)((bytes[bit / 8] >> (7 - (bit % 8))) & 1);
            length++;
            Demand(length < 30 || code != 0x3FFFFFFF);
            if (Symbols.TryGetValue((length, code), out var symbol))
            {
                text.Add(symbol);
                (code, length) = (0, 0);
            }
        }

        Demand(length < 8 && code == (1u << length) - 1);
        return [.. text];
    }

    private int Integer(int prefix)
    {
        var max = (1 << prefix) - 1;
        var value = (long)(_block[_at++] & max);
        if (value < max)
        {
            return (int)value;
        }

        for (var octets = 0; ; octets++)
        {
            Demand(octets < 5 && _at < _block.Length);
            var next = _block[_at++];
            value += (next & 127L) << (7 * octets);
            if (next < 128)
            {
                Demand(value <= int.MaxValue);
                return (int)value;
            }
        }
    }

    private static void Demand(bool condition)
    {
        if (!condition)
        {
            throw new InvalidDataException();
        }
    }
}

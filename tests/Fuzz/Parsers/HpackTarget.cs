using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Fuzz.Reference;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Http.Http2.Hpack;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>
/// The header blocks of a connection: what is read of them, and the table behind each, are what the reference says; written again they are
/// read the same.
/// </summary>
internal sealed class HpackTarget : IParserTarget
{
    private static readonly int[] TableSizes = [4096, 256, 0, 64, 65536];

    private readonly byte[] _encoded = new byte[ByteText.MaxLength * 4];
    private readonly FieldLog _log = new();
    private readonly List<(byte[] Name, byte[] Value, bool IsNeverIndexed)> _expected = [];

    public byte[][] Corpus => HpackCorpus.Items;

    public byte[][] Dictionary => HpackCorpus.Dictionary;

    public void Judge(ReadOnlySpan<byte> input, FuzzRandom random)
    {
        if (input.Length < 2)
        {
            return;
        }

        var announced = TableSizes[input[0] % TableSizes.Length];
        var acknowledged = input[1];
        var decoder = new HpackDecoder(announced);
        var reference = new ReferenceHpack(announced);
        var encoder = new HpackEncoder();
        var second = new HpackDecoder(DynamicTable.DefaultSize);
        var rest = input[2..];
        for (var number = 0; ; number++)
        {
            var end = rest.IndexOf(HpackCorpus.Separator);
            var block = end < 0 ? rest : rest[..end];
            if (number == acknowledged)
            {
                decoder.OnSettingsAcknowledged();
                reference.OnSettingsAcknowledged();
            }

            if (!JudgeBlock(block, decoder, reference))
            {
                return;
            }

            JudgeEncoder(encoder, second, random);
            if (end < 0)
            {
                return;
            }

            rest = rest[(end + HpackCorpus.Separator.Length)..];
        }
    }

    public void Dispose()
    {
    }

    private bool JudgeBlock(ReadOnlySpan<byte> block, HpackDecoder decoder, ReferenceHpack reference)
    {
        _expected.Clear();
        _log.Clear();
        var isGood = reference.Decode(block.ToArray(), _expected);
        var log = _log;
        var before = GC.GetAllocatedBytesForCurrentThread();
        var status = decoder.Decode(block, ref log);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before - _log.Allocated;
        Expect.Equal(isGood, !status.IsError(), $"goodness by the reference and by ours ({status})");
        ExpectFields("by the reference and by ours");
        // The table grows by doubling up to twice its size, and a long string is decoded into an array of a pool.
        Expect.True(allocated <= Math.Max(64 * 1024, (4 * block.Length) + (16 * decoder.TableSize)), $"{allocated} bytes were allocated on the heap");
        if (isGood)
        {
            Expect.Equal(reference.Entries, decoder.Entries, "the number of entries by the reference and by ours");
            Expect.Equal(reference.Size, decoder.TableSize, "the size of the table by the reference and by ours");
        }

        return isGood;
    }

    private void JudgeEncoder(HpackEncoder encoder, HpackDecoder decoder, FuzzRandom random)
    {
        for (var times = random.Once(3) ? random.Between(1, 3) : 0; times > 0; times--)
        {
            encoder.SetPeerTableSize(random.Once(2) ? random.Next(200) : random.Next(5000));
        }

        var length = HpackEncoder.MaxBeginLength + _expected.Sum(static field => HpackEncoder.MaxLength(field.Name.Length, field.Value.Length));
        var writer = new ByteWriter(length <= _encoded.Length ? _encoded : new byte[length]);
        encoder.Begin(ref writer);
        foreach (var (name, value, isNeverIndexed) in _expected)
        {
            var start = writer.Length;
            encoder.Write(ref writer, name, value, isNeverIndexed);
            Expect.True(writer.Length - start <= HpackEncoder.MaxLength(name.Length, value.Length), "a field took more than its maximum");
        }

        _log.Clear();
        var log = _log;
        Expect.Equal(HpackStatus.Done, decoder.Decode(writer.Written, ref log), "what comes of our own block, and that");
        ExpectFields("before and after our encoder");
        Expect.Equal(encoder.Entries, decoder.Entries, "the number of entries at our encoder and at our decoder");
        Expect.Equal(encoder.TableSize, decoder.TableSize, "the size of the table at our encoder and at our decoder");
    }

    private void ExpectFields(string where)
    {
        Expect.Equal(_expected.Count, _log.Count, $"the number of fields {where}");
        for (var i = 0; i < _expected.Count; i++)
        {
            var (name, value, isNeverIndexed) = _expected[i];
            Expect.Equal(name, _log.Name(i), $"name {i} {where}");
            Expect.Equal(value, _log.Value(i), $"value {i} {where}");
            Expect.True(_log.IsNeverIndexed(i) || !isNeverIndexed, $"field {i} was never to be indexed, {where}");
        }
    }

    /// <summary>Copies of the fields of a block.</summary>
    private sealed class FieldLog : IHpackFields
    {
        private readonly List<(int Name, int NameLength, int Value, int ValueLength, bool IsNeverIndexed)> _fields = [];
        private byte[] _bytes = new byte[1 << 20];
        private int _length;

        public int Count => _fields.Count;

        /// <summary>What the copies of this block took of the heap.</summary>
        public long Allocated { get; private set; }

        public void Clear()
        {
            _fields.Clear();
            _length = 0;
            Allocated = 0;
        }

        public ReadOnlySpan<byte> Name(int i) => _bytes.AsSpan(_fields[i].Name, _fields[i].NameLength);

        public ReadOnlySpan<byte> Value(int i) => _bytes.AsSpan(_fields[i].Value, _fields[i].ValueLength);

        public bool IsNeverIndexed(int i) => _fields[i].IsNeverIndexed;

        public bool OnField(scoped HpackField field)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Expect.Equal(KnownHeaders.Identify(field.Name), field.Id, "the id of a name");
            Expect.Equal(PseudoHeaders.Identify(field.Name), field.Pseudo, "the pseudo-header of a name");
            Expect.True(field.Line.IsEmpty || (field.Line.StartsWith(field.Name) && field.Line.Length == field.Name.Length + field.Value.Length + 4), "a line is not its field");
            _fields.Add((Keep(field.Name), field.Name.Length, Keep(field.Value), field.Value.Length, field.IsNeverIndexed));
            Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            return true;
        }

        private int Keep(ReadOnlySpan<byte> bytes)
        {
            if (_length + bytes.Length > _bytes.Length)
            {
                Array.Resize(ref _bytes, (_length + bytes.Length) * 2);
            }

            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
            return _length - bytes.Length;
        }
    }
}

using KubeProxyNet.Fuzz.Generation;
using KubeProxyNet.Proxy.Http.Http1;

namespace KubeProxyNet.Fuzz.Parsers;

/// <summary>Gives bytes to a codec whole or in pieces, as sockets do.</summary>
internal sealed class Pieces
{
    private readonly byte[][] _storages = [new byte[ByteText.MaxLength + 64], new byte[ByteText.MaxLength + 64]];
    private readonly byte[] _body = new byte[ByteText.MaxLength];
    private readonly List<int> _cuts = [];

    /// <summary>Bytes that the codecs allocated since <see cref="Begin"/>.</summary>
    public long Allocated { get; private set; }

    public void Begin() => Allocated = 0;

    /// <summary>Chooses where to cut: mostly a few places, at times every byte.</summary>
    public void Cut(int length, FuzzRandom random)
    {
        _cuts.Clear();
        if (length < 4096 && random.Once(8))
        {
            _cuts.AddRange(Enumerable.Range(1, Math.Max(0, length - 1)));
            return;
        }

        for (var n = random.Between(1, 4); n > 0; n--)
        {
            _cuts.Add(random.Next(length + 1));
        }

        _cuts.Sort();
    }

    public void CutNowhere() => _cuts.Clear();

    /// <summary>
    /// Feeds a head parser. What it must not read yet is filled with line ends that would change the verdict; each piece comes in another array.
    /// </summary>
    public ParseStatus Feed(HeadParser parser, ReadOnlySpan<byte> input, out byte[] storage)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        parser.Begin(0);
        var status = ParseStatus.NeedMore;
        var from = 0;
        var turn = 0;
        storage = _storages[0];
        for (var i = 0; i <= _cuts.Count && status == ParseStatus.NeedMore; i++)
        {
            var end = i < _cuts.Count ? _cuts[i] : input.Length;
            var next = _storages[turn++ & 1];
            storage.AsSpan(0, from).CopyTo(next);
            input[from..end].CopyTo(next.AsSpan(from));
            next.AsSpan(end, Math.Min(next.Length - end, 64)).Fill((byte)'\n');
            storage = next;
            from = end;
            status = parser.Parse(storage, end);
            if (status == ParseStatus.Done && parser.HeadEnd > end)
            {
                throw new FuzzFailure($"the head ends at {parser.HeadEnd}, of {end} bytes that were given");
            }
        }

        // Behind what was parsed stands the rest of the input, as a body decoder finds it.
        input[from..].CopyTo(storage.AsSpan(from));
        Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        return status;
    }

    /// <summary>Decodes a body and gathers its payload. Returns the number of bytes that belong to it.</summary>
    public int Decode(ref BodyDecoder decoder, ReadOnlySpan<byte> input, ByteText payload)
    {
        payload.Clear();
        var position = 0;
        for (var i = 0; i <= _cuts.Count && !decoder.IsComplete && decoder.Error == Http1Error.None; i++)
        {
            var end = i < _cuts.Count ? Math.Min(_cuts[i], input.Length) : input.Length;
            if (end < position)
            {
                continue;
            }

            var piece = _body.AsSpan(0, end - position);
            input[position..end].CopyTo(piece);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var length = decoder.Decode(piece, out var consumed);
            Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            if (consumed > piece.Length || length > consumed || length < 0)
            {
                throw new FuzzFailure($"{piece.Length} bytes were given, {consumed} consumed, {length} came out");
            }

            if (consumed < piece.Length && !decoder.IsComplete && decoder.Error == Http1Error.None)
            {
                throw new FuzzFailure($"only {consumed} of {piece.Length} bytes were consumed, and the body goes on");
            }

            payload.Add(piece[..length]);
            position += consumed;
        }

        return position;
    }
}

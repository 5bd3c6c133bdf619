namespace KubeProxyNet.Proxy.Transport;

/// <summary>Bytes that a socket did not take yet, in order, in pooled blocks. Empty it holds no block.</summary>
internal sealed class OutputQueue(BlockPool pool)
{
    private Block? _first;
    private Block? _last;
    private int _start;
    private int _lastLength;

    /// <summary>Bytes queued.</summary>
    public int Length { get; private set; }

    /// <summary>The contiguous bytes at the front.</summary>
    public ReadOnlySpan<byte> Head => _first is null
        ? default
        : _first.Bytes.AsSpan(_start, (_first == _last ? _lastLength : _first.Size) - _start);

    /// <summary>Points vectors to the bytes from the front, which stay where they are until they are consumed.</summary>
    /// <param name="vectors">Filled from the first.</param>
    /// <param name="room">How many there are.</param>
    /// <param name="total">Bytes that they point to.</param>
    /// <returns>How many were filled.</returns>
    public unsafe int Fill(Native.IoVector* vectors, int room, out int total)
    {
        var count = 0;
        total = 0;
        var start = _start;
        for (var block = _first; block is not null && count < room; block = block.Next)
        {
            var length = (block == _last ? _lastLength : block.Size) - start;

            // Blocks are pinned.
            vectors[count++] = new Native.IoVector
            {
                Base = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref block.Bytes[start]),
                Length = (nuint)length,
            };
            total += length;
            start = 0;
        }

        return count;
    }

    /// <summary>Copies bytes to the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_last is null || _lastLength == _last.Size)
            {
                Grow(bytes.Length);
            }

            var count = Math.Min(bytes.Length, _last!.Size - _lastLength);
            bytes[..count].CopyTo(_last.Bytes.AsSpan(_lastLength));
            _lastLength += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Drops bytes at the front.</summary>
    public void Consume(int count)
    {
#if KPN_CHECKED
        if (count < 0 || count > Length)
        {
            throw new InvalidOperationException("More was consumed than there is.");
        }
#endif
        Length -= count;
        if (Length == 0)
        {
            Clear();
            return;
        }

        _start += count;
        while (_start >= _first!.Size)
        {
            var done = _first;
            _start -= done.Size;
            _first = done.Next;
            done.Next = null;
            pool.Return(done);
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        while (_first is { } block)
        {
            _first = block.Next;
            block.Next = null;
            pool.Return(block);
        }

        _last = null;
        _start = _lastLength = Length = 0;
    }

    private void Grow(int needed)
    {
        // Little is kept in little: many streams may each wait for a few bytes. What is queued already is a part of the length.
        var block = pool.Rent(Math.Min(_last is null ? needed : Length, BlockPool.Medium));
        if (_last is null)
        {
            _first = block;
        }
        else
        {
            _last.Next = block;
        }

        _last = block;
        _lastLength = 0;
    }
}

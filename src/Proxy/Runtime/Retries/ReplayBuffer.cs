using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Runtime.Retries;

/// <summary>The part of a request's body that was sent while more of it came, kept for another attempt. Bounded; empty it holds no block.</summary>
internal sealed class ReplayBuffer(BlockPool pool)
{
    /// <summary>Longest body that is kept: Envoy's <c>per_connection_buffer_limit_bytes</c> by default.</summary>
    public const int MaxBytes = 1024 * 1024;

    private readonly List<Block> _blocks = [];
    private int _lastLength;

    /// <summary>Most bytes that are kept; <see cref="MaxBytes"/> unless set, and again after <see cref="Clear"/>.</summary>
    public int Limit { get; set; } = MaxBytes;

    /// <summary>Bytes kept.</summary>
    public int Length { get; private set; }

    /// <summary>Number of pieces.</summary>
    public int PieceCount => _blocks.Count;

    /// <summary>One of the pieces, in order.</summary>
    public ReadOnlySpan<byte> Piece(int index) => _blocks[index].Bytes.AsSpan(0, index == _blocks.Count - 1 ? _lastLength : _blocks[index].Size);

    /// <summary>Keeps a copy. False, and nothing is kept any more, where that would be too much.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (Length + bytes.Length > Limit)
        {
            Clear();
            return false;
        }

        Length += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_blocks.Count == 0 || _lastLength == _blocks[^1].Size)
            {
                _blocks.Add(pool.Rent(BlockPool.Medium));
                _lastLength = 0;
            }

            var count = Math.Min(bytes.Length, _blocks[^1].Size - _lastLength);
            bytes[..count].CopyTo(_blocks[^1].Bytes.AsSpan(_lastLength));
            _lastLength += count;
            bytes = bytes[count..];
        }

        return true;
    }

    /// <summary>Puts bytes before what is kept; the limit does not count them.</summary>
    public void Prepend(ReadOnlySpan<byte> bytes)
    {
        Block[] blocks = [.. _blocks];
        var lastLength = _lastLength;
        Limit = Math.Max(Limit, Length + bytes.Length);
        _blocks.Clear();
        _lastLength = Length = 0;
        TryAppend(bytes);
        for (var i = 0; i < blocks.Length; i++)
        {
            TryAppend(blocks[i].Bytes.AsSpan(0, i == blocks.Length - 1 ? lastLength : blocks[i].Size));
            pool.Return(blocks[i]);
        }
    }

    /// <summary>Gives everything back.</summary>
    public void Clear()
    {
        foreach (var block in _blocks)
        {
            pool.Return(block);
        }

        _blocks.Clear();
        _lastLength = Length = 0;
        Limit = MaxBytes;
    }
}

using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Listeners.Http1;

/// <summary>
/// What a client connection has received and not used up: the head being read or served at the front, and behind it what came with it.
/// Empty it holds no block, so that an idle connection costs none.
/// </summary>
internal sealed class Http1Input(BlockPool blocks)
{
    private Block? _block;

    /// <summary>The block's bytes; only while one is rented.</summary>
    public byte[] Bytes => _block!.Bytes;

    /// <summary>Number of bytes the block holds.</summary>
    public int Capacity => _block!.Size;

    /// <summary>Bytes that the block takes of memory; 0 without one.</summary>
    public int Held => _block?.Size ?? 0;

    /// <summary>First byte not used up.</summary>
    public int Start { get; set; }

    /// <summary>Behind the last byte received.</summary>
    public int End { get; set; }

    /// <summary>True where nothing is left to use.</summary>
    public bool IsEmpty => Start == End;

    /// <summary>What is left to use.</summary>
    public Span<byte> Unused => _block is null ? default : _block.Bytes.AsSpan(Start, End - Start);

    /// <summary>Sees to it that there is a block.</summary>
    public void Rent() => _block ??= blocks.Rent(BlockPool.Small);

    /// <summary>Moves the first bytes to a larger block.</summary>
    public void Grow(int used)
    {
        var larger = blocks.Rent(_block!.Size < BlockPool.Medium ? BlockPool.Medium : BlockPool.Large);
        _block.Bytes.AsSpan(0, used).CopyTo(larger.Bytes);
        blocks.Return(_block);
        _block = larger;
    }

    /// <summary>Keeps bytes of the next request behind the first <paramref name="start"/>, which stay.</summary>
    public void Keep(int start, ReadOnlySpan<byte> bytes)
    {
        var needed = start + bytes.Length;
        while (needed > _block!.Size)
        {
            Grow(start);
        }

        bytes.CopyTo(_block.Bytes.AsSpan(start));
        Start = start;
        End = needed;
    }

    /// <summary>Forgets what was used: what is left moves to the front, and without any the block goes back.</summary>
    public void Compact()
    {
#if KPN_CHECKED
        if (Start < 0 || Start > End || End > Held)
        {
            throw new InvalidOperationException($"Bytes {Start} to {End} of {Held} are no range.");
        }
#endif
        if (IsEmpty)
        {
            Release();
            return;
        }

        Unused.CopyTo(_block!.Bytes);
        End -= Start;
        Start = 0;
    }

    /// <summary>Gives the block to somebody else, with all that was received.</summary>
    public Block Detach()
    {
        var block = _block!;
        _block = null;
        Start = End = 0;
        return block;
    }

    /// <summary>Drops everything.</summary>
    public void Release()
    {
        if (_block is not null)
        {
            blocks.Return(_block);
            _block = null;
        }

        Start = End = 0;
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>A pinned byte array that its holder owns until it returns it to the pool it came from.</summary>
internal sealed class Block(int size)
{
    /// <summary>The bytes; pinned, so pointers into them stay valid.</summary>
    public readonly byte[] Bytes = GC.AllocateUninitializedArray<byte>(size, pinned: true);

    /// <summary>Next block of whatever list the holder keeps.</summary>
    public Block? Next;

    /// <summary>True where the system has its pages: it takes new memory with its next use.</summary>
    public bool IsDiscarded;

    /// <summary>Number of bytes.</summary>
    public int Size => size;

    /// <summary>
    /// Lets the system have the pages that lie wholly in it, and the bytes with them (madvise(2), MADV_DONTNEED). The array stays what it is to the collector, which could not give back a page
    /// while anything pinned is left near it.
    /// </summary>
    public unsafe void Discard()
    {
        IsDiscarded = true;
        var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(Bytes));
        var page = (nint)Environment.SystemPageSize;
        var first = (start + page - 1) & -page;
        var end = (start + size) & -page;
        if (end > first)
        {
            _ = Native.Advise(first, (nuint)(end - first), Native.AdviceDontNeed);
        }
    }

#if KPN_CHECKED
    /// <summary>True while some holder owns the block; finds double returns.</summary>
    public bool Rented;
#endif
}

/// <summary>
/// Blocks in six sizes, reused last in, first out so that the warm one comes next. One worker owns it; no lock.
/// What is kept unused is what was rented at once lately (<see cref="SpareLimit"/>); what is rented is bounded by the connections' own limits.
/// </summary>
internal sealed class BlockPool : ISparePool
{
    /// <summary>Holds what one of many streams keeps: a small head or message.</summary>
    public const int Tiny = 1024;

    /// <summary>Holds nearly every request head.</summary>
    public const int Small = 4 * 1024;

    /// <summary>Holds a request head with many cookies.</summary>
    public const int Fair = 8 * 1024;

    /// <summary>Unit of queued output.</summary>
    public const int Medium = 16 * 1024;

    /// <summary>Holds the longest head that is accepted by default.</summary>
    public const int Wide = 64 * 1024;

    /// <summary>Holds the longest head that is ever accepted.</summary>
    public const int Large = 128 * 1024;

    private readonly Shelf _tiny;
    private readonly Shelf _small;
    private readonly Shelf _fair;
    private readonly Shelf _medium;
    private readonly Shelf _wide;
    private readonly Shelf _large;
    private readonly Shelf[] _all;

    /// <summary>Makes an empty one.</summary>
    /// <param name="onRaised">Told when it keeps more than always, and <see cref="ISparePool.Fall"/> is to be called after a period; null for nobody.</param>
    /// <param name="memory">Counts the blocks that are made; null for nobody.</param>
    public BlockPool(Action? onRaised = null, MemoryAllowance? memory = null)
    {
        _all =
        [
            _tiny = new Shelf(Tiny, 4096, onRaised, memory),
            _small = new Shelf(Small, 1024, onRaised, memory),
            _fair = new Shelf(Fair, 64, onRaised, memory),
            _medium = new Shelf(Medium, 256, onRaised, memory),
            _wide = new Shelf(Wide, 8, onRaised, memory),
            _large = new Shelf(Large, 16, onRaised, memory),
        ];
    }

    /// <summary>Blocks that holders own now; zero after every test.</summary>
    public int Rented => _all.Sum(static shelf => shelf.Rented);

    /// <summary>Their bytes.</summary>
    public long RentedBytes => _all.Sum(static shelf => (long)shelf.Rented * shelf.Size);

    /// <summary>Bytes of blocks that are kept for later.</summary>
    public long SpareBytes => _all.Sum(static shelf => shelf.SpareBytes);

    /// <summary>A block of at least <paramref name="size"/> bytes.</summary>
    public Block Rent(int size) => ShelfFor(size).Rent();

    /// <summary>Size of the block that <see cref="Rent"/> gives.</summary>
    public int SizeFor(int size) => ShelfFor(size).Size;

    /// <summary>Gives a block back; the caller must not touch it again.</summary>
    public void Return(Block block) => ShelfFor(block.Size).Return(block);

    /// <summary>Gives back the memory of every block that nobody holds: the pages of the large ones at once, the small ones, which share pages, to the collector.</summary>
    public void GiveBack()
    {
        foreach (var shelf in _all)
        {
            if (shelf.Size < Medium)
            {
                shelf.Trim();
            }
            else
            {
                shelf.Discard();
            }
        }
    }

    /// <inheritdoc/>
    public long Fall(out bool goesOn)
    {
        var bytes = _all.Sum(static shelf => shelf.Fall());
        goesOn = _all.Any(static shelf => shelf.IsRaised);
        return bytes;
    }

    private Shelf ShelfFor(int size) => size switch
    {
        <= Tiny => _tiny,
        <= Small => _small,
        <= Fair => _fair,
        <= Medium => _medium,
        <= Wide => _wide,
        <= Large => _large,
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, $"No block is larger than {Large} bytes."),
    };

    private sealed class Shelf(int size, int least, Action? onRaised, MemoryAllowance? memory)
    {
#if KPN_CHECKED
        private const byte Poison = 0xDB;
#endif

        private Block? _top;
        private SpareLimit _limit = new(least);
        private int _count;

        public int Size => size;

        public int Rented => _limit.Rented;

        public bool IsRaised => _limit.IsRaised;

        public long SpareBytes => (long)_count * size;

        public Block Rent()
        {
            if (_limit.Rent())
            {
                onRaised?.Invoke();
            }

            var block = _top;
            if (block is null)
            {
                memory?.Take(size);
                block = new Block(size);
            }
            else
            {
                _top = block.Next;
                block.Next = null;
                _count--;
#if KPN_CHECKED
                if (!block.IsDiscarded && block.Bytes.AsSpan().ContainsAnyExcept(Poison))
                {
                    throw new InvalidOperationException("A block was written after it had been returned.");
                }
#endif
                if (block.IsDiscarded)
                {
                    block.IsDiscarded = false;
                    memory?.Take(size);
                }
            }

#if KPN_CHECKED
            block.Rented = true;
#endif
            return block;
        }

        public void Trim()
        {
            _top = null;
            _count = 0;
            _limit.Reset();
        }

        /// <summary>Keeps the blocks without their memory. Below one that is discarded already all are.</summary>
        public void Discard()
        {
            for (var block = _top; block is { IsDiscarded: false }; block = block.Next)
            {
                block.Discard();
            }
        }

        /// <summary>Gives up what need not be kept; returns its bytes.</summary>
        public long Fall()
        {
            var before = _count;
            for (var most = _limit.Fall(); _count > most; _count--)
            {
                _top = _top!.Next;
            }

            return (long)(before - _count) * size;
        }

        public void Return(Block block)
        {
#if KPN_CHECKED
            if (!block.Rented)
            {
                throw new InvalidOperationException("A block was returned twice.");
            }

            block.Rented = false;
            block.Bytes.AsSpan().Fill(Poison);
#endif
            if (!_limit.Return(_count))
            {
                return;
            }

            block.Next = _top;
            _top = block;
            _count++;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// What a worker's connections send in one turn of the loop, small pieces only: kept here and handed to the kernel together at the turn's end. A peer is
/// then woken once for a burst of messages instead of once for each, and what is written piece by piece leaves in one segment.
/// </summary>
/// <remarks>Measured: perf/results. The bytes of one connection are contiguous, so that one system call sends them.</remarks>
internal sealed class TurnOutput
{
    /// <summary>Longest piece that is kept; more than that is worth a system call of its own, and not worth a copy.</summary>
    public const int MaxPiece = 4 * 1024;

    // What is written and read again soon should not push everything else out of the nearest caches; nor should who comes first wait for too many others.
    private const int Capacity = 64 * 1024;
    private const int MaxSenders = 64;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(Capacity + Worker.ScratchSize, pinned: true);
    private readonly Connection[] _senders = new Connection[MaxSenders];
    private int _count;
    private int _used;

    /// <summary>
    /// Where a message may be composed: at least <see cref="Worker.ScratchSize"/> bytes, valid until anything is sent. What is sent next from its front is where it is to be kept
    /// already, and is not copied.
    /// </summary>
    public Span<byte> Draft => _bytes.AsSpan(_used);

    /// <summary>Keeps a piece of a connection that has nothing here yet.</summary>
    /// <param name="kept">Where it stands.</param>
    /// <returns>False where there is no room: <see cref="Flush"/> makes some.</returns>
    public bool TryBegin(Connection sender, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out Piece kept)
    {
        var length = first.Length + second.Length;
        if (_count == MaxSenders || length > Capacity - _used)
        {
            kept = default;
            return false;
        }

        kept = new Piece(_used, length);
        _senders[_count++] = sender;
        Copy(first, second);
        return true;
    }

    /// <summary>Keeps another piece behind one that the same connection has here. False where that is not the last one, or there is no room.</summary>
    public bool TryExtend(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ref Piece kept)
    {
        var length = first.Length + second.Length;
        if (kept.End != _used || length > Capacity - _used)
        {
            return false;
        }

        Copy(first, second);
        kept = new Piece(kept.Start, kept.Length + length);
        return true;
    }

    /// <summary>What stands in a range.</summary>
    public ReadOnlySpan<byte> this[Piece range] => _bytes.AsSpan(range.Start, range.Length);

    /// <summary>Has every connection send what it has here.</summary>
    public void Flush()
    {
        for (var i = 0; i < _count; i++)
        {
            _senders[i].SendKept();
            _senders[i] = null!;
        }

        _count = _used = 0;
    }

    private void Copy(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var room = _bytes.AsSpan(_used);
        if (!Unsafe.AreSame(in MemoryMarshal.GetReference(first), in MemoryMarshal.GetReference(room)))
        {
            first.CopyTo(room);
        }

        _used += first.Length;
        if (!second.IsEmpty)
        {
            second.CopyTo(_bytes.AsSpan(_used));
            _used += second.Length;
        }
    }

    /// <summary>A piece of the turn's output.</summary>
    internal readonly record struct Piece(int Start, int Length)
    {
        public int End => Start + Length;
    }
}

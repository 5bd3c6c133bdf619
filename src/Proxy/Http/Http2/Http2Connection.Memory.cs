using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>
/// What a connection may hold for exchanges that do not come to their end: heads and trailers, until it comes, and payload that waits for windows. HPACK makes long heads of few bytes, so what counts is
/// the memory that they take here. All of it together has one bound, which is never so low that streams with ordinary heads could not all be open.
/// </content>
internal abstract partial class Http2Connection
{
    /// <summary>Bytes that a connection may hold, unless so many streams may be open that ordinary heads need more.</summary>
    private const int LeastBound = 1024 * 1024;

    /// <summary>Streams beyond these do not raise the bound.</summary>
    private const int MostStreamsCounted = 1024;

    private int _heldByFields;

    /// <summary>Streams may each hold an ordinary head, and what a stream without a window adds.</summary>
    private int StreamsCounted => Math.Min(Options.MaxConcurrentStreams, MostStreamsCounted);

    private int Bound => Math.Max(LeastBound, (StreamsCounted * (BlockPool.Small + QueuedBeyondBound)) + MaxQueued + FrameHeader.MaxLength);

    /// <summary>Bytes of payload that may wait for windows before their producers wait too.</summary>
    private int QueueBound => Math.Min(MaxQueued, Bound - _heldByFields - FrameHeader.MaxLength - (StreamsCounted * QueuedBeyondBound));

    /// <summary>Memory for fields that stay until their exchange has ended; null where the connection holds as much as it may.</summary>
    protected Block? TryRentForFields(int length)
    {
        // What one read brought may be more than is to wait; that is no reason to refuse a head.
        return _heldByFields + Math.Min(_queued, MaxQueued) + Worker.Blocks.SizeFor(length) <= Bound ? RentForFields(length) : null;
    }

    /// <summary>Memory for fields, whether there is room for it or not.</summary>
    private Block RentForFields(int length)
    {
        var block = Worker.Blocks.Rent(length);
        _heldByFields += block.Size;
        return block;
    }

    /// <summary>Fields are not needed any more.</summary>
    public void ReturnFields(Block block)
    {
        var wasFull = IsFull;
        _heldByFields -= block.Size;
        Worker.Blocks.Return(block);
        if (wasFull && !IsFull)
        {
            WakeWriters();
        }
    }
}

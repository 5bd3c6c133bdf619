namespace KubeProxyNet.Proxy.Transport;

/// <summary>
/// A worker's pipe, through which <see cref="Connection.Splice"/> moves bytes from one socket to another without copying them (splice(2)). Empty but for
/// the time of one call. It is opened at first use; where that fails, bytes are copied as usual.
/// </summary>
internal sealed unsafe class SplicePipe(DescriptorBudget descriptors) : IDisposable
{
    /// <summary>Most bytes moved at once: what a slow reader does not take of them has to be kept.</summary>
    public const int Capacity = LoopStream.HighWaterMark;

    // The kernel counts segments and not bytes, one a page: room for more of them than the capacity has pages, since segments may be short.
    private const int PipeSize = 4 * Capacity;

    private int _readEnd = -1;
    private int _writeEnd = -1;
    private bool _failed;

    /// <summary>Opens the pipe where it is not open yet. False where the process may not open more.</summary>
    public bool TryOpen()
    {
        if (_readEnd >= 0 || _failed)
        {
            return !_failed;
        }

        var ends = stackalloc int[2];
        if (Native.Pipe(ends, Native.PipeNonBlock | Native.PipeCloseOnExec) < 0)
        {
            _failed = true;
            return false;
        }

        descriptors.Take();
        descriptors.Take();
        (_readEnd, _writeEnd) = (ends[0], ends[1]);

        // Refused where the user has too many large pipes: a smaller one moves less at once.
        _ = Native.FileControl(_writeEnd, Native.FSetPipeSize, PipeSize);
        return true;
    }

    /// <summary>Fills the empty pipe from a socket, with at most <see cref="Capacity"/>; as splice(2).</summary>
    public nint Fill(int socket, long limit) =>
        Native.Splice(socket, null, _writeEnd, null, (nuint)Math.Min(limit, Capacity), Native.SpliceMove | Native.SpliceNonBlock);

    /// <summary>Empties the pipe into a socket; as splice(2).</summary>
    public nint Drain(int socket, nint count) =>
        Native.Splice(_readEnd, null, socket, null, (nuint)count, Native.SpliceMove | Native.SpliceNonBlock);

    /// <summary>Reads what a socket did not take; as read(2).</summary>
    public nint Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Native.Read(_readEnd, start, (nuint)buffer.Length);
        }
    }

    /// <summary>The kernel, or what stands around the process, does not permit it: bytes are copied from here on.</summary>
    public void GiveUp() => _failed = true;

    /// <summary>Closes the pipe, with what may be in it; the next <see cref="TryOpen"/> opens another.</summary>
    public void Dispose()
    {
        if (_readEnd >= 0)
        {
            _ = Native.Close(_readEnd);
            _ = Native.Close(_writeEnd);
            _readEnd = _writeEnd = -1;
            descriptors.Return();
            descriptors.Return();
        }
    }
}

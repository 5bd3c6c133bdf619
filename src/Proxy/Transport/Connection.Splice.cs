namespace KubeProxyNet.Proxy.Transport;

/// <content>Moving bytes from socket to socket.</content>
internal sealed partial class Connection
{
    /// <summary>True where <see cref="Splice"/> may be called: nothing waits to be sent before, the socket takes bytes, and takes them as they are.</summary>
    public bool CanSplice() => _layer is null && _writable && _output.Length == 0 && SendKept() && _writable && _output.Length == 0 && Worker.Pipe.TryOpen();

    /// <summary>
    /// Moves bytes that another connection has received to this one, without copying or looking at them. What the socket does not take is queued, as in
    /// <see cref="Send"/>.
    /// </summary>
    /// <param name="source">Where they come from.</param>
    /// <param name="limit">Most bytes to take.</param>
    /// <returns>A positive count of what was taken, or <see cref="Receive"/>'s answers for <paramref name="source"/>.</returns>
    public int Splice(Connection source, long limit)
    {
        if (source._aheadLength > 0)
        {
            return SendAhead(source, limit);
        }

        if (!source._readable)
        {
            return WouldBlock;
        }

        while (true)
        {
            var count = (int)Worker.Pipe.Fill(source._descriptor, limit);
            if (count > 0)
            {
                // A short count says nothing here: the pipe may have been full of short segments.
                source.BytesReceived += count;
                Drain(count);
                return count;
            }

            if (count == 0)
            {
                source.IsPeerClosed = true;
                return source.IsReset ? Broken : EndOfStream;
            }

            switch (Native.Errno)
            {
                case Native.EIntr:
                    continue;
                case Native.EAgain:
                    source._readable = false;
                    return WouldBlock;
                case Native.EInval or Native.ENoSys or Native.EPerm:
                    Worker.Pipe.GiveUp();
                    return WouldBlock;
                case var error:
                    source.Fail(error);
                    return Broken;
            }
        }
    }

    private int SendAhead(Connection source, long limit)
    {
        Span<byte> bytes = stackalloc byte[TurnInput.MaxPiece];
        var count = source.Receive(bytes[..(int)Math.Min(limit, bytes.Length)]);
        Send(bytes[..count]);
        return count;
    }

    private void Drain(int count)
    {
        var pipe = Worker.Pipe;
        while (count > 0)
        {
            var sent = (int)pipe.Drain(_descriptor, count);
            if (sent > 0)
            {
                BytesSent += sent;
                count -= sent;
                continue;
            }

            switch (Native.Errno)
            {
                case Native.EIntr:
                    continue;
                case Native.EAgain:
                    _writable = false;
                    Queue(count);
                    return;
                case var error:
                    Fail(error);
                    pipe.Dispose();
                    return;
            }
        }
    }

    private void Queue(int count)
    {
        var buffer = Worker.ReceiveBuffer.AsSpan(0, count);
        while (!buffer.IsEmpty)
        {
            var read = (int)Worker.Pipe.Read(buffer);
            _output.Append(buffer[..read]);
            buffer = buffer[read..];
        }
    }
}

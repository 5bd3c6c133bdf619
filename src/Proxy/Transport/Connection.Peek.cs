namespace KubeProxyNet.Proxy.Transport;

/// <content>Looking at bytes that stay in the socket for whoever reads the connection later.</content>
internal sealed partial class Connection
{
    /// <summary>
    /// Copies what is there without taking it: a positive count, always from the first unread byte, or one of <see cref="EndOfStream"/>,
    /// <see cref="WouldBlock"/> and <see cref="Broken"/>.
    /// </summary>
    public unsafe int Peek(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = (int)Native.Receive(_descriptor, start, (nuint)buffer.Length, Native.MsgPeek);
                if (count > 0)
                {
                    return count;
                }

                if (count == 0)
                {
                    IsPeerClosed = true;
                    return IsReset ? Broken : EndOfStream;
                }

                switch (Native.Errno)
                {
                    case Native.EIntr:
                        continue;
                    case Native.EAgain:
                        _readable = false;
                        return WouldBlock;
                    case var error:
                        Fail(error);
                        return Broken;
                }
            }
        }
    }

    /// <summary>What was peeked at is not enough: <see cref="LoopStream.Readable"/> waits for more, and <see cref="EndPeeking"/> must follow before <see cref="Receive"/>.</summary>
    public void WaitBeyondPeeked() => _readable = false;

    /// <summary>Nobody peeks any more: what was peeked at may be received, though it raises no event.</summary>
    public void EndPeeking() => _readable = true;
}

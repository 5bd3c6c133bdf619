namespace KubeProxyNet.Proxy.Transport;

/// <summary>How output leaves: at the end of the loop's turn or at once, and what the socket does not take waits in blocks.</summary>
internal sealed partial class Connection
{
    /// <summary>Sends both spans in order: at the turn's end, or at once what is long; queues what the socket does not take. False where the connection is broken.</summary>
    public bool Send(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second = default)
    {
        if (Error != 0 || IsClosed)
        {
            return false;
        }

        if (_output.Length == 0 && _writable && (Keep(first, second) || !SendKept()))
        {
            return Error == 0;
        }

        return _layer is null ? SendOrQueue(first, second) : SealNow(first, second, Native.MsgNoSignal);
    }

    /// <summary>Sends what the turn's output holds of this connection. False where the connection is broken.</summary>
    public bool SendKept() => SendKept(Native.MsgNoSignal);

    /// <summary>
    /// Sends what the turn's output holds of this connection, for <see cref="Close"/> to follow at once: the kernel then puts the FIN on the last
    /// segment. False where output is left that needs <see cref="FlushedAsync"/> before.
    /// </summary>
    public bool SendLast()
    {
        if (_layer is not null)
        {
            SealLast();
        }
        else
        {
            SendKept(Native.MsgNoSignal | Native.MsgMore);
        }

        return _output.Length == 0;
    }

    private bool Keep(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var output = Worker.Output;
        if (first.Length + second.Length > TurnOutput.MaxPiece)
        {
            return false;
        }

        if (_kept.Length > 0)
        {
            return output.TryExtend(first, second, ref _kept);
        }

        if (output.TryBegin(this, first, second, out _kept))
        {
            return true;
        }

        output.Flush();
        return output.TryBegin(this, first, second, out _kept);
    }

    private bool SendKept(int flags)
    {
        if (_kept.Length == 0)
        {
            return Error == 0;
        }

        var bytes = Worker.Output[_kept];
        _kept = default;
        if (_layer is null ? SendOrQueue(bytes, default, flags) : SealNow(bytes, default, flags))
        {
            return true;
        }

        // Who waits for an answer will not get one: the read tells how it ended.
        EnqueueReader();
        return false;
    }

    private bool SendOrQueue(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int flags = Native.MsgNoSignal)
    {
        if (_output.Length > 0 || !_writable)
        {
            _output.Append(first);
            _output.Append(second);
            return true;
        }

        var sent = SendNow(first, second, flags);
        if (sent < 0)
        {
            return false;
        }

        if (sent < first.Length + second.Length)
        {
            _output.Append(sent < first.Length ? first[sent..] : default);
            _output.Append(second[Math.Max(0, sent - first.Length)..]);
        }

        return true;
    }

    private unsafe void Flush()
    {
        const int MaxVectors = 16;
        var vectors = stackalloc Native.IoVector[MaxVectors];
        while (_output.Length > 0 && _writable && Error == 0)
        {
            var count = _output.Fill(vectors, MaxVectors, out var total);
            var sent = SendNow(vectors, count, total);
            if (sent <= 0)
            {
                return;
            }

            _output.Consume(sent);
        }
    }

    private unsafe int SendNow(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int flags)
    {
        fixed (byte* start1 = first, start2 = second)
        {
            var vectors = stackalloc Native.IoVector[2];
            while (true)
            {
                nint sent;
                if (second.IsEmpty)
                {
                    sent = Native.Send(_descriptor, start1, (nuint)first.Length, flags);
                }
                else
                {
                    vectors[0] = new Native.IoVector { Base = start1, Length = (nuint)first.Length };
                    vectors[1] = new Native.IoVector { Base = start2, Length = (nuint)second.Length };
                    var message = new Native.MessageHeader { Vectors = vectors, VectorCount = 2 };
                    sent = Native.SendMessage(_descriptor, &message, flags);
                }

                if (sent >= 0)
                {
                    BytesSent += _layer is null ? sent : 0;
                    _writable = sent == first.Length + second.Length;
                    return (int)sent;
                }

                switch (Native.Errno)
                {
                    case Native.EIntr:
                        continue;
                    case Native.EAgain:
                        _writable = false;
                        return 0;
                    case var error:
                        Fail(error);
                        return -1;
                }
            }
        }
    }
}

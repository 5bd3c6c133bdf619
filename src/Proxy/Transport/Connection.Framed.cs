namespace KubeProxyNet.Proxy.Transport;

/// <content>Payload with small headers in between, sent from where it stands.</content>
internal sealed partial class Connection
{
    /// <summary>Most pieces that one call takes.</summary>
    public const int MaxFramedPieces = 32;

    /// <summary>
    /// Sends bytes, and behind them payload in pieces with a header before each, in one system call and without copying. False, and nothing is sent, where that
    /// is not possible: bytes are queued, or must be sealed first. What the socket does not take is queued.
    /// </summary>
    /// <param name="lead">What goes first; may be empty.</param>
    /// <param name="headers">The headers, one behind the other.</param>
    /// <param name="headerSize">Bytes of each.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="pieceSize">Bytes of a piece; the last may be shorter.</param>
    public unsafe bool TrySendFramed(ReadOnlySpan<byte> lead, ReadOnlySpan<byte> headers, int headerSize, ReadOnlySpan<byte> payload, int pieceSize)
    {
        if (_layer is not null || IsClosed || !SendKept() || !_writable || _output.Length > 0)
        {
            return false;
        }

        var vectors = stackalloc Native.IoVector[1 + (2 * MaxFramedPieces)];
        fixed (byte* first = lead, head = headers, body = payload)
        {
            var count = 0;
            var total = lead.Length;
            vectors[count++] = new Native.IoVector { Base = first, Length = (nuint)lead.Length };
            for (int header = 0, piece = 0; header < headers.Length; header += headerSize, piece += pieceSize)
            {
                var length = Math.Min(pieceSize, payload.Length - piece);
                vectors[count++] = new Native.IoVector { Base = head + header, Length = (nuint)headerSize };
                vectors[count++] = new Native.IoVector { Base = body + piece, Length = (nuint)length };
                total += headerSize + length;
            }

            var sent = SendNow(vectors, count, total);
            for (var i = 0; i < count && Error == 0; i++)
            {
                var length = (int)vectors[i].Length;
                if (sent < length)
                {
                    _output.Append(new ReadOnlySpan<byte>(vectors[i].Base + sent, length - sent));
                }

                sent = Math.Max(0, sent - length);
            }
        }

        return true;
    }

    private unsafe int SendNow(Native.IoVector* vectors, int count, int total)
    {
        var message = new Native.MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        while (true)
        {
            var sent = Native.SendMessage(_descriptor, &message, Native.MsgNoSignal);
            if (sent >= 0)
            {
                BytesSent += _layer is null ? sent : 0;
                _writable = sent == total;
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
                    return 0;
            }
        }
    }
}

namespace KubeProxyNet.Proxy.Http.Grpc;

/// <summary>Follows length-prefixed messages (gRPC, PROTOCOL-HTTP2, "Length-Prefixed-Message") in pieces of any size: where they begin and end, not what they hold.</summary>
internal struct GrpcFrameReader
{
    private const int PrefixLength = 5;

    private int _prefix;
    private uint _left;

    /// <summary>Messages that have begun.</summary>
    public long Count { get; private set; }

    /// <summary>Takes bytes as far as the end of a message, or all of them.</summary>
    /// <param name="bytes">What comes next.</param>
    /// <param name="isEnd">True where the last byte that was taken ends a message.</param>
    /// <returns>How many were taken.</returns>
    public int Read(ReadOnlySpan<byte> bytes, out bool isEnd)
    {
        var taken = 0;
        while (_prefix < PrefixLength && taken < bytes.Length)
        {
            if (_prefix == 0)
            {
                Count++;
                _left = 0;
            }
            else
            {
                _left = (_left << 8) | bytes[taken];
            }

            _prefix++;
            taken++;
        }

        var length = (int)Math.Min(_left, (uint)(bytes.Length - taken));
        if (_prefix < PrefixLength)
        {
            isEnd = false;
            return taken;
        }

        _left -= (uint)length;
        isEnd = _left == 0;
        if (isEnd)
        {
            _prefix = 0;
        }

        return taken + length;
    }

    /// <summary>Takes all bytes and says how many messages began among them.</summary>
    public long Inspect(ReadOnlySpan<byte> bytes)
    {
        var before = Count;
        while (!bytes.IsEmpty)
        {
            bytes = bytes[Read(bytes, out _)..];
        }

        return Count - before;
    }
}

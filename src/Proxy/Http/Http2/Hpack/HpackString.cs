namespace KubeProxyNet.Proxy.Http.Http2.Hpack;

/// <summary>A string as it was sent (RFC 7541 §5.2).</summary>
internal readonly ref struct HpackString(ReadOnlySpan<byte> bytes, bool isHuffman)
{
    public readonly ReadOnlySpan<byte> Bytes = bytes;

    public readonly bool IsHuffman = isHuffman;

    /// <summary>Room to decode it into; 0 where it needs no decoding.</summary>
    public int MaxDecodedLength => IsHuffman ? Huffman.MaxDecodedLength(Bytes.Length) : 0;

    /// <summary>Reads one at <paramref name="at"/>, which is behind it where the result is <see cref="HpackStatus.Done"/>.</summary>
    public static HpackStatus Read(ReadOnlySpan<byte> block, scoped ref int at, out HpackString text)
    {
        text = default;
        if (at >= block.Length)
        {
            return HpackStatus.Truncated;
        }

        var isHuffman = block[at] >= 0x80;
        var status = HpackInteger.Read(block, ref at, 7, out var length);
        if (status != HpackStatus.Done)
        {
            return status;
        }

        if (length > block.Length - at)
        {
            return HpackStatus.Truncated;
        }

        text = new HpackString(block.Slice(at, length), isHuffman);
        at += length;
        return HpackStatus.Done;
    }

    /// <summary>Gives the text itself, or decodes it to the beginning of a buffer, which is cut to what is left of it.</summary>
    public bool TryDecode(scoped ref Span<byte> buffer, out ReadOnlySpan<byte> text)
    {
        text = Bytes;
        if (!IsHuffman)
        {
            return true;
        }

        var isGood = Huffman.TryDecode(Bytes, buffer, out var length);
        text = buffer[..length];
        buffer = buffer[length..];
        return isGood;
    }
}

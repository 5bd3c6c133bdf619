namespace KubeProxyNet.Proxy.Http.Http1;

/// <summary>
/// Takes the framing off a body (RFC 9112 §6 and §7). Sans-I/O: feed it received bytes; the payload is gathered at the front of what it was
/// given, so that many small chunks leave as one piece. Trailers are checked and bounded, and dropped unless somebody gathers them.
/// </summary>
internal struct BodyDecoder
{
    private const int MaxChunkLine = 4096;
    private const int MaxTrailerBytes = 16 * 1024;

    /// <summary>Most bytes of extensions in one body, so that nobody pays for kilobytes of framing with each byte of payload.</summary>
    private const int MaxExtensionBytes = 16 * 1024;
    private const int MaxSizeDigits = 15;

    private BodyKind _kind;
    private ChunkState _state;
    private ChunkExtension _extension;
    private long _remaining;
    private int _lineBytes;
    private int _extensionBytes;
    private int _digits;
    private TrailerReader? _trailers;

    private enum ChunkState : byte
    {
        Size,
        Extension,
        SizeLineFeed,
        Data,
        DataCarriageReturn,
        DataLineFeed,
        TrailerStart,
        TrailerName,
        TrailerValue,
        TrailerLineFeed,
        EndLineFeed,
    }

    /// <summary>True once the last byte of the message was taken.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Why decoding failed.</summary>
    public Http1Error Error { get; private set; }

    /// <summary>Payload bytes still expected by Content-Length; -1 where unknown.</summary>
    public readonly long Remaining => _kind == BodyKind.ContentLength ? _remaining : -1;

    /// <summary>Payload bytes that come one after the other, without framing in between; 0 where there may be some.</summary>
    public readonly long RemainingAsItIs => IsComplete ? 0 : _kind switch
    {
        BodyKind.ContentLength => _remaining,
        BodyKind.UntilClose => long.MaxValue,
        _ => 0,
    };

    /// <summary>Gets ready for a body.</summary>
    /// <param name="framing">How it is framed.</param>
    /// <param name="trailers">Gathers the fields behind it; null to drop them.</param>
    public static BodyDecoder For(BodyFraming framing, TrailerReader? trailers = null) => new()
    {
        _trailers = trailers,
        _kind = framing.Kind,
        _remaining = framing.Length,
        IsComplete = framing.IsEmpty,
    };

    /// <summary>
    /// Decodes what it can. Returns the number of payload bytes, which now lie at the front of <paramref name="bytes"/>;
    /// <paramref name="consumed"/> bytes belong to this message, the rest to the next.
    /// </summary>
    public int Decode(Span<byte> bytes, out int consumed)
    {
        switch (_kind)
        {
            case BodyKind.ContentLength:
                consumed = (int)Math.Min(bytes.Length, _remaining);
                _remaining -= consumed;
                IsComplete = _remaining == 0;
                return consumed;
            case BodyKind.UntilClose:
                consumed = bytes.Length;
                return consumed;
            case BodyKind.Chunked:
                return DecodeChunks(bytes, out consumed);
            default:
                consumed = 0;
                return 0;
        }
    }

    /// <summary>Bytes were passed on unseen, at most <see cref="RemainingAsItIs"/>.</summary>
    public void Skip(long count)
    {
        if (_kind == BodyKind.ContentLength)
        {
            _remaining -= count;
            IsComplete = _remaining == 0;
        }
    }

    /// <summary>The peer ended the connection: completes a body that ends so, fails any other unfinished one.</summary>
    public void EndOfStream()
    {
        if (_kind == BodyKind.UntilClose)
        {
            IsComplete = true;
        }
        else if (!IsComplete)
        {
            Error = Http1Error.UnexpectedEnd;
        }
    }

    private int DecodeChunks(Span<byte> bytes, out int consumed)
    {
        var payload = 0;
        var i = 0;
        while (i < bytes.Length && !IsComplete)
        {
            if (_state == ChunkState.Data)
            {
                var count = (int)Math.Min(bytes.Length - i, _remaining);
                bytes.Slice(i, count).CopyTo(bytes[payload..]);
                payload += count;
                i += count;
                _remaining -= count;
                if (_remaining == 0)
                {
                    _state = ChunkState.DataCarriageReturn;
                }

                continue;
            }

            if (!TakeFramingByte(bytes[i++]))
            {
                Error = Http1Error.BadChunk;
                break;
            }
        }

        consumed = i;
        return payload;
    }

    private bool TakeFramingByte(byte b) => _state switch
    {
        ChunkState.Size => TakeSizeByte(b),
        ChunkState.Extension => TakeExtensionByte(b),
        ChunkState.SizeLineFeed => b == '\n' && EndSizeLine(),
        ChunkState.DataCarriageReturn => b == '\r' && Go(ChunkState.DataLineFeed),
        ChunkState.DataLineFeed => b == '\n' && BeginSize(),
        ChunkState.TrailerStart => b == '\r' ? Go(ChunkState.EndLineFeed) : TakeTrailerNameByte(b),
        ChunkState.TrailerName => b == ':' ? EndTrailerName() : TakeTrailerNameByte(b),
        ChunkState.TrailerValue => b == '\r' ? Go(ChunkState.TrailerLineFeed) : TakeTrailerValueByte(b),
        ChunkState.TrailerLineFeed => b == '\n' && EndTrailer(),
        ChunkState.EndLineFeed => b == '\n' && Finish(),
        _ => false,
    };

    private bool TakeSizeByte(byte b)
    {
        var digit = b switch
        {
            >= (byte)'0' and <= (byte)'9' => b - '0',
            >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
            _ => -1,
        };
        if (digit >= 0)
        {
            _remaining = (_remaining << 4) | (uint)digit;
            return ++_digits <= MaxSizeDigits;
        }

        return _digits > 0 && b switch
        {
            (byte)'\r' => Go(ChunkState.SizeLineFeed),
            (byte)';' or (byte)' ' or (byte)'\t' => BeginExtension(b),
            _ => false,
        };
    }

    // Extensions and the white space around them are allowed and ignored (RFC 9112 §7.1.1), within bounds.
    private bool TakeExtensionByte(byte b) =>
        b == '\r' ? _extension.MayEnd && Go(ChunkState.SizeLineFeed)
        : _extension.Take(b) && ++_lineBytes <= MaxChunkLine && ++_extensionBytes <= MaxExtensionBytes;

    private bool BeginExtension(byte b)
    {
        _extension = default;
        return Go(ChunkState.Extension) && TakeExtensionByte(b);
    }

    // A trailer is checked like a field (RFC 9112 §5), whatever its name and whether or not it is dropped; none can pass for one of the head (RFC 9110 §6.5.1).
    private bool TakeTrailerNameByte(byte b)
    {
        _state = ChunkState.TrailerName;
        if (!Grammar.TokenBytes.Contains(b) || ++_lineBytes > MaxTrailerBytes)
        {
            return false;
        }

        _trailers?.TakeName(b);
        return true;
    }

    private bool EndTrailerName()
    {
        _trailers?.EndName();
        return Go(ChunkState.TrailerValue);
    }

    private bool TakeTrailerValueByte(byte b)
    {
        if (!Grammar.IsText(b) || ++_lineBytes > MaxTrailerBytes)
        {
            return false;
        }

        _trailers?.TakeValue(b);
        return true;
    }

    private bool EndTrailer() => _trailers?.EndField() != false && Go(ChunkState.TrailerStart);

    private bool EndSizeLine()
    {
        _lineBytes = 0;
        return Go(_remaining == 0 ? ChunkState.TrailerStart : ChunkState.Data);
    }

    private bool BeginSize()
    {
        _remaining = 0;
        _digits = 0;
        _lineBytes = 0;
        return Go(ChunkState.Size);
    }

    private bool Finish()
    {
        IsComplete = true;
        _trailers?.End();
        return true;
    }

    private bool Go(ChunkState state)
    {
        _state = state;
        return true;
    }
}

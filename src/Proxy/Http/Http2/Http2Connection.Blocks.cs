using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>Field blocks: HEADERS and CONTINUATION (RFC 9113 sections 6.2 and 6.10), put together and decoded.</content>
internal abstract partial class Http2Connection
{
    private Block? _block;
    private int _blockLength;
    private int _blockStreamId;
    private bool _blockEnds;
    private int _continuations;

    /// <summary>Longest field block as HPACK has it: what it decodes to is longer, and bounded by the two ends.</summary>
    private static int MaxBlockLength => BlockPool.Large;

    private void OnHeaders(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId == 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "HEADERS on stream 0");
            return;
        }

        if (!TryUnpad(header, ref payload))
        {
            return;
        }

        if (header.Has(FrameFlags.Priority))
        {
            // What the fields say is nobody's concern any more (section 5.3.2).
            if (payload.Length < PriorityFieldsSize)
            {
                Fail(
                    header.Length - (header.Has(FrameFlags.Padded) ? 1 : 0) < PriorityFieldsSize ? Http2ErrorCode.FrameSizeError : Http2ErrorCode.ProtocolError,
                    "HEADERS is too short for its priority and padding");
                return;
            }

            payload = payload[PriorityFieldsSize..];
        }

        if (!payload.IsEmpty)
        {
            _guard.OnFullFrame();
        }

        var ends = header.Has(FrameFlags.EndStream);
        if (header.Has(FrameFlags.EndHeaders))
        {
            OnBlock(header.StreamId, payload, ends);
            return;
        }

        if (payload.IsEmpty && !_guard.OnEmptyFrame())
        {
            FailByGuard();
            return;
        }

        _blockStreamId = header.StreamId;
        _blockEnds = ends;
        _continuations = 0;
        _blockLength = 0;
        Gather(payload);
    }

    private void OnContinuation(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_blockStreamId == 0)
        {
            Fail(Http2ErrorCode.ProtocolError, "CONTINUATION without HEADERS before it");
            return;
        }

        // What a peer needs is one frame for each MaxLength of the block; many small ones only cost time.
        const int MaxContinuations = 32;
        if (++_continuations > MaxContinuations)
        {
            Worker.Stats.Increment(Stats.InboundAbuse);
            Fail(Http2ErrorCode.EnhanceYourCalm, "a field block comes in too many frames");
            return;
        }

        if (payload.IsEmpty && !header.Has(FrameFlags.EndHeaders) && !_guard.OnEmptyFrame())
        {
            FailByGuard();
            return;
        }

        if (!Gather(payload) || !header.Has(FrameFlags.EndHeaders))
        {
            return;
        }

        var id = _blockStreamId;
        var block = _block;
        _blockStreamId = 0;
        _block = null;
        OnBlock(id, block is null ? default : block.Bytes.AsSpan(0, _blockLength), _blockEnds);
        if (block is not null)
        {
            Worker.Blocks.Return(block);
        }
    }

    /// <summary>Adds a piece of a field block to those before it. False where it is too long.</summary>
    private bool Gather(ReadOnlySpan<byte> piece)
    {
        var length = _blockLength + piece.Length;
        if (length > MaxBlockLength)
        {
            // It cannot be skipped: every block changes the table of those that follow.
            Worker.Stats.Increment(Stats.HeaderOverflow);
            Fail(Http2ErrorCode.EnhanceYourCalm, "a field block is too long");
            return false;
        }

        if (_block is null || _block.Size < length)
        {
            var larger = Worker.Blocks.Rent(Math.Max(length, 1));
            if (_block is { } smaller)
            {
                smaller.Bytes.AsSpan(0, _blockLength).CopyTo(larger.Bytes);
                Worker.Blocks.Return(smaller);
            }

            _block = larger;
        }

        piece.CopyTo(_block.Bytes.AsSpan(_blockLength));
        _blockLength = length;
        return true;
    }

    private void OnBlock(int id, ReadOnlySpan<byte> block, bool ends)
    {
        if (_streams.TryGetValue(id, out var stream))
        {
            if (stream.ResetCode is not null || stream.IsRemoteEnded)
            {
                if (block.IsEmpty && !Charge(Http2Guard.Ping))
                {
                    return;
                }

                PassOver(block);
                if (stream.IsRemoteEnded && !IsOver)
                {
                    // Section 5.1, "half-closed (remote)".
                    ResetForPeer(stream, Http2ErrorCode.StreamClosed);
                }

                return;
            }

            OnFields(stream, block, ends);
            return;
        }

        if (id > _lastPeerStreamId && IsServer && (id & 1) == 1)
        {
            _lastPeerStreamId = id;
            _guard.OnStream();
            OnNewStream(id, block, ends);
            return;
        }

        if (!IsIdle(id) && _guard.MayStillSend(id))
        {
            Worker.Stats.Increment(Stats.HeadersNoStream);
            if (!block.IsEmpty || Charge(Http2Guard.Ping))
            {
                PassOver(block);
            }

            return;
        }

        Fail(IsIdle(id) ? Http2ErrorCode.ProtocolError : Http2ErrorCode.StreamClosed, "HEADERS on a stream that may not be used");
    }

    /// <summary>A block that nobody wants is decoded all the same (section 4.3): those behind it build on its table.</summary>
    protected void PassOver(ReadOnlySpan<byte> block)
    {
        var nothing = default(DroppedFields);
        Decode(block, ref nothing);
    }

    /// <summary>Decodes a block. False where the connection has failed on it.</summary>
    protected bool Decode<TFields>(ReadOnlySpan<byte> block, ref TFields fields)
        where TFields : struct, Hpack.IHpackFields, allows ref struct
    {
        var status = _decoder.Decode(block, ref fields);
        if (Hpack.HpackStatuses.IsError(status))
        {
            Fail(Http2ErrorCode.CompressionError, $"a field block cannot be decoded: {status}");
            return false;
        }

        return true;
    }

    /// <summary>Takes padding off a HEADERS frame (section 6.2). False where there is more of it than there are octets.</summary>
    private bool TryUnpad(in FrameHeader header, ref ReadOnlySpan<byte> payload)
    {
        if (!header.Has(FrameFlags.Padded))
        {
            return true;
        }

        if (payload.IsEmpty)
        {
            Fail(Http2ErrorCode.FrameSizeError, "a padded frame is empty");
            return false;
        }

        var padding = payload[0];
        if (padding >= payload.Length)
        {
            Fail(Http2ErrorCode.ProtocolError, "padding is longer than its frame");
            return false;
        }

        payload = payload[1..^padding];
        return true;
    }
}

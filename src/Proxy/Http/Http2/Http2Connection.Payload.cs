using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>DATA frames that go out: small ones with the other frames of the turn, large ones from where their payload stands.</content>
internal abstract partial class Http2Connection
{
    /// <summary>Payload that is copied to leave with other frames.</summary>
    private const int MaxGathered = 4 * 1024;

    /// <summary>Payload up to which it is copied to leave with that of other streams of the turn: what a stream of an endpoint has in one block. Beyond that a call of its own costs less.</summary>
    private const int MaxBatched = BlockPool.Medium;

    private int _batched;

    /// <summary>Writes DATA frames as far as windows allow, the last one with the end where nothing follows.</summary>
    private void WriteData(Http2Stream stream, ref ReadOnlySpan<byte> payload)
    {
        var allowed = (int)Math.Clamp(Math.Min(stream.SendWindow, _sendWindow), 0, payload.Length);
        if (allowed == 0)
        {
            return;
        }

        stream.SendWindow -= allowed;
        _sendWindow -= allowed;
        stream.CountSent(allowed);
        var ends = stream.IsEnding && allowed == payload.Length && stream.Trailers is null && stream.PendingOutput <= allowed;
        WriteData(stream.Id, payload[..allowed], ends);
        payload = payload[allowed..];
        stream.IsLocalEnded |= ends;
    }

    private void WriteData(int streamId, ReadOnlySpan<byte> payload, bool end)
    {
        if (payload.Length <= MaxGathered)
        {
            _guard.OnDataSent(1);
            payload.CopyTo(WriteFrame(payload.Length, FrameType.Data, end ? FrameFlags.EndStream : FrameFlags.None, streamId));
            return;
        }

        if (payload.Length <= MaxBatched || _isBatching)
        {
            Batch(streamId, payload, end);
            if (!_isBatching)
            {
                ScheduleAtTurnEnd();
            }

            return;
        }

        FlushBatch();
        if (!TrySendAtOnce(streamId, payload, end))
        {
            Batch(streamId, payload, end);
            FlushBatch();
        }
    }

    /// <summary>Sends what was gathered and behind it payload, from where they stand.</summary>
    private bool TrySendAtOnce(int streamId, ReadOnlySpan<byte> payload, bool end)
    {
        if (payload.Length > Connection.MaxFramedPieces * FrameHeader.MaxLength)
        {
            return false;
        }

        Span<byte> headers = stackalloc byte[Connection.MaxFramedPieces * FrameHeader.Size];
        var used = 0;
        for (var left = payload.Length; left > 0; left -= FrameHeader.MaxLength)
        {
            var isLast = left <= FrameHeader.MaxLength;
            FrameHeader.Write(headers[used..], Math.Min(left, FrameHeader.MaxLength), FrameType.Data, end && isLast ? FrameFlags.EndStream : FrameFlags.None, streamId);
            used += FrameHeader.Size;
        }

        var lead = _out is null ? default : _out.Bytes.AsSpan(0, _outLength);
        if (!Connection.TrySendFramed(lead, headers[..used], FrameHeader.Size, payload, FrameHeader.MaxLength))
        {
            return false;
        }

        _guard.OnDataSent(used / FrameHeader.Size);
        ReturnOutput();
        return true;
    }

    /// <summary>Puts payload with its headers behind what was gathered, for one system call.</summary>
    private void Batch(int streamId, ReadOnlySpan<byte> payload, bool end)
    {
        if (Worker.FrameBatch != this)
        {
            Worker.FrameBatch?.SendBatch();
        }

        var memory = Worker.BatchMemory.AsSpan();
        if (_out is { } block)
        {
            // Nothing is batched while other frames wait behind it.
            block.Bytes.AsSpan(0, _outLength).CopyTo(memory);
            var length = _outLength;
            ReturnOutput();
            _batched = length;
            Worker.FrameBatch = this;
        }

        while (!payload.IsEmpty)
        {
            var count = Math.Min(payload.Length, FrameHeader.MaxLength);
            if (Worker.BatchSize - _batched < FrameHeader.Size + count)
            {
                FlushBatch();
            }

            _guard.OnDataSent(1);
            Worker.FrameBatch = this;
            FrameHeader.Write(memory[_batched..], count, FrameType.Data, end && count == payload.Length ? FrameFlags.EndStream : FrameFlags.None, streamId);
            payload[..count].CopyTo(memory[(_batched + FrameHeader.Size)..]);
            _batched += FrameHeader.Size + count;
            payload = payload[count..];
        }
    }

    /// <summary>Room behind what is batched; false where nothing is, or too much.</summary>
    private bool TryReserveInBatch(int length, out Span<byte> bytes)
    {
        if (_batched == 0 || Worker.BatchSize - _batched < length)
        {
            bytes = default;
            return false;
        }

        bytes = Worker.BatchMemory.AsSpan(_batched, length);
        _batched += length;
        return true;
    }

    void IFrameBatch.SendBatch() => FlushBatch();

    private void DropBatch()
    {
        _batched = 0;
        if (Worker.FrameBatch == this)
        {
            Worker.FrameBatch = null;
        }
    }

    private void FlushBatch()
    {
        if (_batched > 0)
        {
            var length = _batched;
            DropBatch();
            Connection.Send(Worker.BatchMemory.AsSpan(0, length));
        }
    }
}

using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>DATA frames that go out: small ones with the other frames of the turn, large ones from where their payload stands.</content>
internal abstract partial class Http2Connection
{
    /// <summary>Payload that is copied to leave with other frames.</summary>
    private const int MaxGathered = 4 * 1024;

    /// <summary>Bytes that leave in one system call.</summary>
    private const int MaxBatch = 128 * 1024;

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

        if (_batched > 0 || _isBatching || !TrySendAtOnce(streamId, payload, end))
        {
            Batch(streamId, payload, end);
            if (!_isBatching)
            {
                FlushBatch();
            }
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
        var memory = Worker.FrameScratch.AsSpan();
        if (_out is { } block)
        {
            block.Bytes.AsSpan(0, _outLength).CopyTo(memory);
            _batched = _outLength;
            ReturnOutput();
        }

        while (!payload.IsEmpty)
        {
            var count = Math.Min(payload.Length, FrameHeader.MaxLength);
            if (MaxBatch - _batched < FrameHeader.Size + count)
            {
                FlushBatch();
            }

            _guard.OnDataSent(1);
            FrameHeader.Write(memory[_batched..], count, FrameType.Data, end && count == payload.Length ? FrameFlags.EndStream : FrameFlags.None, streamId);
            payload[..count].CopyTo(memory[(_batched + FrameHeader.Size)..]);
            _batched += FrameHeader.Size + count;
            payload = payload[count..];
        }
    }

    private void FlushBatch()
    {
        if (_batched > 0)
        {
            var length = _batched;
            _batched = 0;
            Connection.Send(Worker.FrameScratch.AsSpan(0, length));
        }
    }
}

using System.Buffers.Binary;
using KubeProxyNet.Proxy.Http.Http2.Frames;
using KubeProxyNet.Proxy.Transport;

namespace KubeProxyNet.Proxy.Http.Http2;

/// <content>Frames to bytes, which are gathered and leave with the turn of the loop.</content>
internal abstract partial class Http2Connection
{
    private const int SettingsRoom = 64;

    /// <summary>Bytes that the socket has not taken: payload waits in its stream above a quarter of a mebibyte, so what goes beyond that is heads.</summary>
    private const int MaxPendingOutput = 4 * 1024 * 1024;

    private Block? _out;
    private int _outLength;
    private bool _isAtTurnEnd;
    private int _controlFrames;
    private int _outboundFrames;
    private int _shownFrames;
    private int _shownControlFrames;
    private long _countedUpTo;

    /// <summary>True where so much waits for windows that streams without any should not add to it.</summary>
    public bool IsFull => _queued > QueueBound;

    void ITurnEnd.OnTurnEnd()
    {
        _isAtTurnEnd = false;
        SendScheduled();
        FlushOutput();
        if (Connection.IsBacklogged && !_isDraining && !IsOver)
        {
            SendWhenDrainedAsync().Detach();
        }
    }

    /// <summary>Sends what is gathered now.</summary>
    protected void FlushOutput()
    {
        FlushBatch();
        if (_out is { } block)
        {
            Connection.Send(block.Bytes.AsSpan(0, _outLength));
            ReturnOutput();
        }
    }

    private void ReturnOutput()
    {
        DropBatch();
        if (_out is { } block)
        {
            _out = null;
            _outLength = 0;
            Worker.Blocks.Return(block);
        }
    }

    /// <summary>Begins our direction (section 3.4): the preface of a client, and what is to be known of us.</summary>
    protected void WriteOpening(ReadOnlySpan<(SettingId Id, uint Value)> settings)
    {
        var bytes = Reserve(Preface.Length + FrameHeader.Size + SettingsRoom + (Options.CustomSettings.Count * PeerSettings.EntrySize));
        var start = 0;
        if (!IsServer)
        {
            Preface.CopyTo(bytes);
            start = Preface.Length;
        }

        FrameHeader.Write(bytes[start..], (settings.Length + Options.CustomSettings.Count) * PeerSettings.EntrySize, FrameType.Settings, FrameFlags.None, 0);
        start += FrameHeader.Size;
        foreach (var (id, value) in settings)
        {
            WriteSetting(bytes, ref start, (ushort)id, value);
        }

        for (var i = 0; i < Options.CustomSettings.Count; i++)
        {
            WriteSetting(bytes, ref start, Options.CustomSettings[i].Id, Options.CustomSettings[i].Value);
        }

        _outLength += start;
        _unacknowledgedSettings++;
        CreditConnection();
    }

    private static void WriteSetting(Span<byte> bytes, ref int start, ushort id, uint value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes[start..], id);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[(start + sizeof(ushort))..], value);
        start += PeerSettings.EntrySize;
    }

    /// <summary>Writes a PING.</summary>
    protected void WritePing(ulong data, FrameFlags flags)
    {
        if (TryBeginControl())
        {
            BinaryPrimitives.WriteUInt64BigEndian(WriteFrame(PingSize, FrameType.Ping, flags, 0), data);
        }
    }

    private void WriteSettingsAck()
    {
        if (TryBeginControl())
        {
            WriteFrame(0, FrameType.Settings, FrameHeader.Ack, 0);
        }
    }

    private void WriteReset(int streamId, Http2ErrorCode code)
    {
        if (TryBeginControl())
        {
            Worker.Stats.Increment(Stats.TxReset);
            BinaryPrimitives.WriteUInt32BigEndian(WriteFrame(sizeof(uint), FrameType.RstStream, FrameFlags.None, streamId), (uint)code);
        }
    }

    private void WriteWindowUpdate(int streamId, int increment) =>
        BinaryPrimitives.WriteUInt32BigEndian(WriteFrame(sizeof(uint), FrameType.WindowUpdate, FrameFlags.None, streamId), (uint)increment);

    private void WriteGoAway(int lastStreamId, Http2ErrorCode code)
    {
        var payload = WriteFrame(2 * sizeof(uint), FrameType.GoAway, FrameFlags.None, 0);
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(payload[sizeof(uint)..], (uint)code);
    }

    /// <summary>Answers to frames that the peer sends without taking them would pile up without end. False where too many wait.</summary>
    private bool TryBeginControl()
    {
        RenewCounts();
        if (Connection.PendingOutput == 0)
        {
            return true;
        }

        CountWaiting(frames: 1, control: 1);
        if (++_controlFrames <= Options.MaxOutboundControlFrames)
        {
            return true;
        }

        EndAsFlooded(Stats.OutboundControlFlood);
        return false;
    }

    /// <summary>Responses to requests of a peer that takes none of them would pile up just so. False where too many wait, or too much.</summary>
    protected bool MayAnswer()
    {
        RenewCounts();
        if (Connection.PendingOutput == 0)
        {
            return true;
        }

        // A response has two frames at least, or is counted as if.
        _outboundFrames += 2;
        CountWaiting(frames: 2, control: 0);
        if (_outboundFrames <= Options.MaxOutboundFrames && Connection.PendingOutput <= MaxPendingOutput)
        {
            return true;
        }

        EndAsFlooded(Stats.OutboundFlood);
        return false;
    }

    /// <summary>Counts anew once everything that waited when the count began has been taken.</summary>
    private void RenewCounts()
    {
        if (Connection.PendingOutput == 0 || Connection.BytesSent >= _countedUpTo)
        {
            _controlFrames = _outboundFrames = 0;
            _countedUpTo = Connection.BytesSent + Connection.PendingOutput;
            ForgetWaiting();
        }
    }

    /// <summary>Shows frames that wait because the socket takes no more; what only waits for the end of the turn is no queue.</summary>
    private void CountWaiting(int frames, int control)
    {
        if (Connection.IsBacklogged)
        {
            _shownFrames += frames;
            _shownControlFrames += control;
            Worker.Stats.Add(Stats.OutboundFramesActive, frames);
            Worker.Stats.Add(Stats.OutboundControlFramesActive, control);
        }
    }

    private void ForgetWaiting()
    {
        if (_shownFrames > 0)
        {
            Worker.Stats.Add(Stats.OutboundFramesActive, -_shownFrames);
            Worker.Stats.Add(Stats.OutboundControlFramesActive, -_shownControlFrames);
            _shownFrames = _shownControlFrames = 0;
        }
    }

    private void EndAsFlooded(Observability.Stats.Counter counter)
    {
        if (!IsOver)
        {
            Worker.Stats.Increment(counter);
            End(byPeer: false);
            FailureCode = Http2ErrorCode.EnhanceYourCalm;
            Failure = "the peer does not take the answers that it asks for";
        }
    }

    /// <summary>Writes a head or trailers: a HEADERS frame, and CONTINUATION where it is long. <paramref name="block"/> stands in the worker's frame memory.</summary>
    private void WriteFields(int streamId, ReadOnlySpan<byte> block, bool end)
    {
        var type = FrameType.Headers;
        var flags = end ? FrameFlags.EndStream : FrameFlags.None;
        do
        {
            var count = Math.Min(block.Length, MaxFieldsFrame);
            flags |= count == block.Length ? FrameFlags.EndHeaders : FrameFlags.None;
            block[..count].CopyTo(WriteFrame(count, type, flags, streamId));
            block = block[count..];
            type = FrameType.Continuation;
            flags = FrameFlags.None;
        }
        while (!block.IsEmpty);
    }

    /// <summary>Pieces of field blocks fit the memory that gathers output.</summary>
    private const int MaxFieldsFrame = BlockPool.Medium - FrameHeader.Size;

    /// <summary>Writes a frame's header and gives the room for its payload.</summary>
    private Span<byte> WriteFrame(int length, FrameType type, FrameFlags flags, int streamId)
    {
        if (!TryReserveInBatch(FrameHeader.Size + length, out var bytes))
        {
            bytes = Reserve(FrameHeader.Size + length);
            _outLength += FrameHeader.Size + length;
        }

        FrameHeader.Write(bytes, length, type, flags, streamId);
        return bytes.Slice(FrameHeader.Size, length);
    }

    private Span<byte> Reserve(int length)
    {
        FlushBatch();
        if (_out is not null && _out.Size - _outLength < length)
        {
            FlushOutput();
        }

        if (_out is null)
        {
            _out = Worker.Blocks.Rent(BlockPool.Medium);
            ScheduleAtTurnEnd();
        }

        return _out.Bytes.AsSpan(_outLength, length);
    }

    private void ScheduleAtTurnEnd()
    {
        if (!_isAtTurnEnd)
        {
            _isAtTurnEnd = true;
            Worker.AtTurnEnd(this);
        }
    }
}
